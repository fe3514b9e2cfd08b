"""Share of doctored and of clean tracks that ``musicfeat check`` reports. Real catalogs of what training never saw.

    python benchmarks/catalog/check.py [--model MODEL] [--limit TRACKS]

Music is read from $MUSICFEAT_DATA (../shared/data). What clean tracks are reported is also what chance would find.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "quality"))

from _table import markdown, music_folder
from doctored import through_mp3
from edits import joined
from sounds import Wave, unseen_rows

from musicfeat import Extractor
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.check import Finding, Verdict, check, tracks
from musicfeat.catalog.settings import Rows
from musicfeat.sound.audio import load
from musicfeat_trainer.bundled.splicing import Join, Strip
from musicfeat_trainer.bundled.splicing import spliced as spliced_strips

HEADER = ["question", "tracks", "found", "clean tracks reported", "s for an hour of music"]
LEAST_SECONDS, EDGE = 40.0, 8.0
NEAR_SECONDS = 1.0
Place = tuple[float, float]
"""Start and end of the doctored stretch, in seconds."""
Doctor = Callable[[Wave, int, np.random.Generator], tuple[Wave, Place]]


@dataclass
class Made:
    """A catalog of tracks that were treated alike."""

    catalog: Catalog
    places: dict[str, Place]
    hours: float
    seconds: float
    """Time that embedding took."""


def rows(extractor: Extractor, paths: list[Path], folder: Path) -> list[list[str]]:
    """A row for each question, asked of its own copies of the tracks."""
    clean = made(untouched, extractor, paths, folder / "clean")
    whole = made(backwards, extractor, paths, folder / "backwards")
    pooled = [made(way, extractor, paths, folder / f"pooled-{way.__name__}", "track") for way in (untouched, backwards)]
    part = made(partly_backwards, extractor, paths, folder / "part")
    cut, *other = (made(way, extractor, paths, folder / way.__name__) for way in (spliced, on_beats, coded))
    return [
        row("the track plays backwards", whole, clean, None, covers),
        row("the same, a row a track", *pooled[::-1], None, covers),
        row("15 to 40 s of it play backwards", part, clean, None, overlaps),
        row(f"one cut, found within {NEAR_SECONDS:g} s (--edits)", cut, clean, extractor, near),
        row("the same on beats, crossfaded over 100 ms", other[0], clean, extractor, near),
        row("the same, then coded to MP3", other[1], clean, extractor, near),
        jigsaw_row("the same, by a stored jigsaw above 0.5", cut, clean),
        ["embedding, for comparison", "", "", "", f"{clean.seconds / clean.hours:.0f}"],
    ]


def made(way: Doctor, extractor: Extractor, paths: list[Path], folder: Path, kind: Rows = "window") -> Made:
    """Doctored copies, as wav, of the tracks that are long enough, and their catalog."""
    folder.mkdir()
    rate, generator, places, seconds = extractor.card.sample_rate, np.random.default_rng(7), dict[str, Place](), 0.0
    for number, path in enumerate(paths):
        wave = load(path, rate=rate)
        if way in (partly_backwards, spliced, on_beats, coded) and len(wave) < LEAST_SECONDS * rate:
            continue
        copy, place = way(wave, rate, generator)
        name = folder / f"{number:04d}.wav"
        soundfile.write(name, np.clip(copy, -1, 1), rate)
        places[str(name)] = place
        seconds += len(copy) / rate
    began = time.perf_counter()
    embed_catalog([folder], folder / "catalog", model=extractor.session.path, workers=1, rows=kind)
    return Made(Catalog(folder / "catalog"), places, seconds / 3600, time.perf_counter() - began)


def row(
    question: str,
    doctored: Made,
    clean: Made,
    extractor: Extractor | None,
    right: Callable[[Finding, Place], bool],
) -> list[str]:
    """A row of the table: findings in doctored and in clean tracks."""
    began = time.perf_counter()
    hits = sum(
        any(right(finding, doctored.places[verdict.path]) for finding in of_kind(verdict, extractor))
        for verdict in check(doctored.catalog, extractor)
    )
    cost = (time.perf_counter() - began) / doctored.hours
    alarms = sum(bool(of_kind(verdict, extractor)) for verdict in check(clean.catalog, extractor))
    return cells(question, doctored, hits, clean, alarms, f"{cost:.0f}" if extractor else f"{cost:.2f}")


def of_kind(verdict: Verdict, extractor: Extractor | None) -> list[Finding]:
    """The findings in question: cuts if files are read again, else reversals."""
    return [finding for finding in verdict.findings if (finding.kind == "spliced") == bool(extractor)]


def jigsaw_row(question: str, doctored: Made, clean: Made) -> list[str]:
    """The row for the stored jigsaw column alone."""
    hits = 0
    for path, starts, jigsaw in jigsaws(doctored.catalog):
        place, _ = doctored.places[path]
        hits += bool((jigsaw[(starts <= place) & (starts > place - 10)] > 0.5).any())
    alarms = sum(bool((jigsaw > 0.5).any()) for _, _, jigsaw in jigsaws(clean.catalog))
    return cells(question, doctored, hits, clean, alarms, "")


def jigsaws(catalog: Catalog) -> Iterator[tuple[str, Wave, Wave]]:
    """Path, starts and jigsaw of each track."""
    stored = catalog.table(["path", "start", "jigsaw"])
    names = np.array(stored.column("path").to_pylist())
    for track in tracks(catalog):
        here = names == track.path
        yield track.path, *(stored.column(name).to_numpy()[here] for name in ("start", "jigsaw"))


def cells(question: str, doctored: Made, hits: int, clean: Made, alarms: int, cost: str) -> list[str]:
    found, reported = hits / len(doctored.places), alarms / len(clean.places)
    return [question, str(len(doctored.places)), f"**{100 * found:.1f} %**", f"{100 * reported:.1f} %", cost]


def untouched(wave: Wave, rate: int, _: np.random.Generator) -> tuple[Wave, Place]:
    return wave, (0.0, len(wave) / rate)


def backwards(wave: Wave, rate: int, _: np.random.Generator) -> tuple[Wave, Place]:
    return wave[::-1], (0.0, len(wave) / rate)


def partly_backwards(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[Wave, Place]:
    """The track with one stretch reversed."""
    length = generator.uniform(15, 40)
    length = min(length, len(wave) / rate - 20)
    start = generator.uniform(0, len(wave) / rate - length)
    begin, end = round(start * rate), round((start + length) * rate)
    return np.concatenate([wave[:begin], wave[begin:end][::-1], wave[end:]]), (start, start + length)


def spliced(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[Wave, Place]:
    """The track with one join: 2 to 20 s removed, or its two parts swapped."""
    seconds = len(wave) / rate
    place = generator.uniform(EDGE, seconds - EDGE - 4)
    at = round(place * rate)
    if generator.random() < 0.5:
        missing = generator.uniform(2, min(20, seconds - place - EDGE))
        return joined(wave[:at], wave[at + round(missing * rate) :], rate), (place, place)
    return joined(wave[at:], wave[:at], rate), (seconds - place, seconds - place)


def on_beats(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[Wave, Place]:
    """The track without 2 to 20 s, from the strongest attack near one place to that near another."""
    seconds = len(wave) / rate
    first = generator.uniform(EDGE, seconds - EDGE - 4)
    second = first + generator.uniform(2, min(20, seconds - first - EDGE))
    begin, end = (attack(wave, round(place * rate), rate) for place in (first, second))
    strips = [Strip(wave, 0, begin), Strip(wave, end, len(wave))]
    made = spliced_strips(strips, [Join(round(0.1 * rate), "power")], len(wave) - end + begin)
    return made.wave, (begin / rate, begin / rate)


def attack(wave: Wave, place: int, rate: int) -> int:
    """The sample of the strongest attack within half a second."""
    start = max(0, place - rate // 2)
    strength = librosa.onset.onset_strength(y=wave[start : place + rate // 2], sr=rate)
    return start + 512 * int(strength.argmax())


def coded(wave: Wave, rate: int, generator: np.random.Generator) -> tuple[Wave, Place]:
    """``spliced``, then coded to MP3 of about 128 kbit/s."""
    made, place = spliced(wave, rate, generator)
    return through_mp3(made, rate), place


def covers(finding: Finding, place: Place) -> bool:
    return finding.end - finding.start >= 0.9 * (place[1] - place[0])


def overlaps(finding: Finding, place: Place) -> bool:
    return finding.start < place[1] and finding.end > place[0]


def near(finding: Finding, place: Place) -> bool:
    return abs(finding.start - place[0]) <= NEAR_SECONDS


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model")
    options.add_argument("--limit", type=int, default=1000, help="greatest number of tracks of a source")
    chosen = options.parse_args()
    music, extractor = music_folder(), Extractor(chosen.model)
    paths = [music / track["path"] for track in unseen_rows(extractor.card, music, chosen.limit)]
    with tempfile.TemporaryDirectory() as folder:
        print(markdown(HEADER, rows(extractor, paths, Path(folder))))


if __name__ == "__main__":
    main()
