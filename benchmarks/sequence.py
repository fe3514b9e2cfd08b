"""Does a model know the order of time? Accuracy on music of sources that training never saw.

    python benchmarks/sequence.py [--model MODEL] [--json scores.json]

Everything runs through the runtime, from files. With FluidSynth and a General MIDI sound font installed,
music rendered without loss from MIDI is judged, too: lossy coders are not symmetric in time, and this
shows that nothing hangs on them.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _table import data_folder, markdown
from tqdm import tqdm

from musicfeat import Extractor
from musicfeat.audio import load

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
CLIP_SECONDS = 10
CLIPS_PER_TRACK = 6
OTHER_ORDERS = list(permutations(range(3)))[1:]
CHANCE = {"reversal": 1 / 2, "shuffled": 1 / 2, "order of 3": 1 / 6, "order of 5": 1 / 120}
Waves = list[npt.NDArray[np.float32]]


@dataclass
class Tally:
    """Right answers, one list for each question."""

    answers: dict[str, list[float]] = field(default_factory=dict)

    def add(self, question: str, *right: bool) -> None:
        """Count answers to a question."""
        self.answers.setdefault(question, []).extend(map(float, right))

    def mean(self, question: str) -> float:
        """Share of right answers."""
        return float(np.mean(self.answers[question]))


def unseen_tracks(extractor: Extractor, root: Path, limit: int) -> Iterator[tuple[str, Path]]:
    """Source and file of the tracks that the model's own recipe kept from training, at most ``limit`` a source."""
    sources = json.loads(extractor.card.recipe)["data"]["test_sources"]
    if not sources:
        raise SystemExit(f"{extractor.card.name} names no sources that it was not trained on")
    rows = [row for row in _rows(root / "tracks.csv") if row["noncommercial"] != "yes"]
    for source in sources:
        yield from ((source, root / row["path"]) for row in [r for r in rows if r["source"] == source][:limit])


def rendered_tracks(root: Path, folder: Path, limit: int) -> Iterator[tuple[str, Path]]:
    """MIDI files through a sound font: ensembles, and performances on a piano."""
    ensembles = [
        root / "midi" / row["path"] for row in _rows(root / "midi" / "midi.csv") if int(row["n_programs"]) >= 4
    ]
    pianos = sorted((root / "asap").glob("*/**/*M.mid"))
    for kind, files in (("rendered ensembles", ensembles), ("rendered piano", pianos)):
        for i, midi in enumerate(files[:: max(1, len(files) // limit)][:limit]):
            wave = folder / f"{kind.split()[1]}{i}.wav"
            render = ["fluidsynth", "-ni", "-g", "0.5", "-r", "44100", "-F", str(wave), str(SOUND_FONT), str(midi)]
            subprocess.run(render, check=True, capture_output=True, timeout=300)
            yield kind, wave


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def clips_of(wave: npt.NDArray[np.float32], seconds: float, rate: int, most: int = CLIPS_PER_TRACK) -> Waves:
    """Evenly spread clips of a track that do not overlap; nearly silent ones are left out."""
    size = round(seconds * rate)
    count = min(most, len(wave) // size)
    starts = np.linspace(0, len(wave) - size, count).astype(int) if count else []
    clips = [wave[start : start + size] for start in starts]
    return [clip for clip in clips if np.sqrt(np.mean(clip**2)) > 1e-3]


def pieces_of(clip: npt.NDArray[np.float32], count: int, gap: float, rate: int) -> Waves:
    """Equal pieces with half the gap taken from every edge."""
    edge = round(gap * rate / 2)
    return [piece[edge : len(piece) - edge] for piece in np.array_split(clip, count)]


def judge(extractor: Extractor, source: str, path: Path, gaps: list[float | None], tally: Tally) -> None:
    """Ask every question of one track."""
    rate = extractor.card.sample_rate
    wave = load(path, rate=rate)
    for number, clip in enumerate(clips_of(wave, CLIP_SECONDS, rate)):
        straight, backwards = extractor.reversed(clip, sr=rate), extractor.reversed(clip[::-1], sr=rate)
        tally.add("reversal", straight < 0.5, backwards > 0.5)
        tally.add(f"reversal/{source}", straight < 0.5, backwards > 0.5)
        tally.answers.setdefault("probability", []).extend([straight, backwards])
        for gap in gaps:
            _judge_order(extractor, clip, number, gap, source, tally)
    for clip in clips_of(wave, CLIP_SECONDS * 5 / 3, rate, CLIPS_PER_TRACK // 2):
        _judge_five(extractor, clip, tally)


def _judge_order(
    extractor: Extractor, clip: npt.NDArray[np.float32], number: int, gap: float | None, source: str, tally: Tally
) -> None:
    """Hand the pieces over in one of the five other orders, then in order: balanced."""
    rate, name = extractor.card.sample_rate, "unknown" if gap is None else f"{gap:g}"
    pieces = pieces_of(clip, 3, 0.15 if gap is None else gap, rate)
    handed = OTHER_ORDERS[number % len(OTHER_ORDERS)]
    mixed = extractor.order([pieces[i] for i in handed], sr=rate, gap=gap)
    straight = extractor.order(pieces, sr=rate, gap=gap)
    exact = tuple(handed[i] for i in mixed.permutation) == (0, 1, 2)
    for suffix in (f"gap {name}", *([source] if gap == 0.0 else [])):
        tally.add(f"order of 3/{suffix}", exact)
        tally.add(f"shuffled/{suffix}", mixed.shuffled > 0.5, straight.shuffled < 0.5)


def _judge_five(extractor: Extractor, clip: npt.NDArray[np.float32], tally: Tally) -> None:
    for gap in (0.0, 0.232):
        pieces = pieces_of(clip, 5, gap, extractor.card.sample_rate)
        handed = np.random.default_rng(len(tally.answers.get("order of 5/gap 0", []))).permutation(5)
        found = extractor.order([pieces[i] for i in handed], sr=extractor.card.sample_rate, gap=gap)
        tally.add(f"order of 5/gap {gap:g}", [int(handed[i]) for i in found.permutation] == [0, 1, 2, 3, 4])


def calibration_error(probabilities: list[float], bins: int = 10) -> float:
    """Expected calibration error (Guo et al., 2017) of P(backwards), forward and backward clips in turn."""
    p, truth = np.array(probabilities), np.arange(len(probabilities)) % 2
    place = np.minimum((p * bins).astype(int), bins - 1)
    parts = [(place == b) for b in range(bins) if (place == b).any()]
    return float(sum(part.mean() * abs(p[part].mean() - truth[part].mean()) for part in parts))


def table(tally: Tally) -> str:
    """Every question with its count and chance."""
    rows = []
    for question, values in sorted(tally.answers.items()):
        if question == "probability":
            error = calibration_error(values)
            rows.append(["calibration error of reversal", "", str(len(values)), f"{100 * error:.1f} %", ""])
            continue
        task, _, what = question.partition("/")
        chance = CHANCE[task]
        rows.append([task, what, str(len(values)), f"{100 * np.mean(values):.1f} %", f"{100 * chance:.1f} %"])
    return markdown(["task", "on", "answers", "accuracy", "chance"], rows)


def scores_of(tally: Tally) -> dict[str, float]:
    """The figures for a model card."""
    wanted = ["reversal", "shuffled/gap 0", "order of 3/gap 0", "shuffled/gap 0.232", "order of 3/gap 0.232"]
    return {question: round(tally.mean(question), 4) for question in wanted}


def run(extractor: Extractor, tracks: Iterator[tuple[str, Path]], gaps: list[float | None]) -> Tally:
    """Judge all tracks."""
    tally = Tally()
    for source, path in tqdm(list(tracks), desc="tracks"):
        judge(extractor, source, path, gaps, tally)
    return tally


def main() -> None:
    """Print one Markdown table for real music, and one for rendered music where that can be made."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model")
    options.add_argument("--tracks", type=int, default=1000, help="tracks of a source, at most")
    options.add_argument("--rendered", type=int, default=15, help="files of each kind to render")
    options.add_argument("--json", type=Path, help="write the figures for a model card")
    chosen = options.parse_args()
    root, extractor = data_folder(), Extractor(chosen.model)
    if not (root / "music" / "tracks.csv").is_file():
        raise SystemExit(f"no music at {root / 'music'}: set MUSICFEAT_DATA to a folder with music/tracks.csv")
    gaps: list[float | None] = [0.0, 0.1, 0.232, 0.35, 0.5, None]
    tally = run(extractor, unseen_tracks(extractor, root / "music", chosen.tracks), gaps)
    print(f"## {extractor.card.name}: sources never trained on\n\n{table(tally)}\n")
    if chosen.json:
        chosen.json.write_text(json.dumps(scores_of(tally), indent=1) + "\n")
    if chosen.rendered and shutil.which("fluidsynth") and SOUND_FONT.exists():
        with tempfile.TemporaryDirectory() as folder:
            rendered = run(extractor, rendered_tracks(root, Path(folder), chosen.rendered), [0.0, 0.232])
        print(f"## {extractor.card.name}: rendered without loss\n\n{table(rendered)}")


if __name__ == "__main__":
    main()
