"""Quality of a model in one table: order of time, edits, tags, and probes of the embedding, beside baselines.

    python benchmarks/quality [--model MODEL] [--json scores.json]

Music, taggers, notes and environmental sounds are read from $MUSICFEAT_DATA (../shared/data); what is missing there is
left out and named. Published taggers (teachers/*.onnx) are peers: they answer every probe, and agreement with them is
judged. Data sets with true labels are judged where they are named (--on gtzan=FOLDER fma=FOLDER). With FluidSynth and a
sound font that was never trained on, music rendered without loss is judged, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import agreement
import edits
import labelled
import probes
import sequence
import tags
from _table import data_folder, markdown, music_folder, paired_milliseconds
from baselines import OURS, Embedder, embedders
from report import Row, header
from sounds import Track, held_out_font, held_out_midi, recipe_of, rendered, spread, unseen_tracks

from musicfeat import Extractor

ROUNDS = 5
FONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")


def recorded_rows(extractor: Extractor, tracks: list[Track], compared: dict[str, Embedder]) -> list[Row]:
    """Questions about recorded music from sources not used in training."""
    rate = extractor.card.sample_rate
    rows = sequence.judge(extractor, tracks, "all", sequence.GAPS)
    next(row for row in rows if row.name == "reversal, all").baselines = probes.reversal(compared, tracks, rate)
    few = probes.sources(compared, tracks, rate)
    return [*rows, *edits.judge(extractor, tracks), *probes.neighbours(compared, tracks, rate), *([few] if few else [])]


def rendered_rows(extractor: Extractor, root: Path, font: Path, limit: int) -> list[Row]:
    """Questions about music rendered losslessly with a font not used in training."""
    files = held_out_midi(extractor.card, root / "midi")
    pianos = spread(sorted((root / "asap").glob("*/**/*M.mid")), min(limit, 15))
    rows: list[Row] = []
    for kind, some in (("rendered ensembles", spread(files, min(limit, 30))), ("rendered piano performances", pianos)):
        tracks = rendered(some, font, extractor.card.sample_rate, kind)
        rows += [row for row in sequence.judge(extractor, tracks, "rendered", [0.0]) if row.on == kind]
    return rows + (
        tags.judge_rendered(extractor, spread(files, limit), font) if "tags" in extractor.card.outputs else []
    )


def probe_rows(extractor: Extractor, root: Path, limit: int, compared: dict[str, Embedder]) -> list[Row]:
    """Probes on collections of single sounds."""
    rate, rows = extractor.card.sample_rate, []
    if (root / "esc10").is_dir():
        rows.append(probes.esc10(compared, root / "esc10", rate, limit))
    if (root / "notes" / "notes.csv").is_file():
        rows.append(probes.notes(compared, root / "notes", rate, limit))
        if "tags" in extractor.card.outputs:
            rows += tags.judge_notes(extractor, root / "notes")
    return rows


def time_row(compared: dict[str, Embedder], tracks: list[Track], rate: int) -> Row:
    """Milliseconds for the embedding of 10 s, all embedders in turns; on one thread where it can be told."""
    wave = tracks[0].wave[: 10 * rate]
    times = paired_milliseconds({name: partial(embed, wave) for name, embed in compared.items()}, ROUNDS)
    values = {name: statistics.median(found) for name, found in times.items()}
    return Row("milliseconds for 10 s", "", ROUNDS, values.pop(OURS), None, values, percent=False)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model")
    options.add_argument("--font", type=Path, default=FONT, help="sound font, held out from training")
    options.add_argument("--limit", type=int, default=1000, help="greatest number of files of a kind")
    options.add_argument("--on", nargs="*", default=[], metavar="NAME=FOLDER", help="data sets with true labels")
    options.add_argument("--json", type=Path, help="write the figures for a model card")
    chosen = options.parse_args()
    root, extractor = data_folder(), Extractor(chosen.model, threads=1)
    music = music_folder()
    compared = embedders(extractor, root / "teachers")
    tracks = unseen_tracks(extractor.card, music, chosen.limit)
    rows = recorded_rows(extractor, tracks, compared)
    rows += agreement.judge(extractor, tracks, root / "teachers", compared)
    if font := held_out_font(extractor.card, chosen.font):
        rows += rendered_rows(extractor, root, font, chosen.limit)
    else:
        print(f"left out: rendered music (needs fluidsynth and {chosen.font})\n", file=sys.stderr)
    rows += probe_rows(extractor, root, chosen.limit, compared)
    rows += [
        row for name in chosen.on for row in labelled.judge(name, compared, extractor.card.sample_rate, chosen.limit)
    ]
    rows.append(time_row(compared, tracks, extractor.card.sample_rate))
    others = [name for name in compared if name != OURS]
    print(f"## {extractor.card.name}: {OURS} and baselines and peers, on what training never saw\n")
    print(markdown(header(others), [row.cells(others) for row in rows]))
    if chosen.json:
        sources = recipe_of(extractor.card)["data"]["test_sources"]
        scores = {row.name: round(row.ours, 4) for row in rows if row.on not in sources}
        chosen.json.write_text(json.dumps(scores, indent=1) + "\n")


if __name__ == "__main__":
    main()
