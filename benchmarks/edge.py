"""Other precisions of the bundled models, compared with fp32, and a report on each: parity, size, latency.

python benchmarks/edge.py [--tracks 9] [--rounds 15] [--web runtime/web/node_modules] [--run RUN]
python benchmarks/edge.py engines    # native, OpenVINO, Node and WebAssembly beside each other: see engines.py
python benchmarks/edge.py narrow     # older and smaller CPUs: see narrow.py
python benchmarks/edge.py memory     # what a process needs at most: see memory.py

Judged are clips of sources that training never saw; int8 is calibrated on others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import numpy as np
from _table import ROOT, data_folder

sys.path.insert(0, str(Path(__file__).parent / "quality"))

from sounds import CLIP_SECONDS, clips_of, free_rows, recipe_of, unseen_tracks

from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat.sound.audio import load
from musicfeat_export.cli.onnx import table as comparison_table
from musicfeat_export.clips import Tagged, Windows, held_out_notes
from musicfeat_export.precision import convert
from musicfeat_export.report.engines import ReportInputs
from musicfeat_export.report.report import markdown, measure

CALIBRATION = 32
"""Number of clips, each from another track."""


def unseen_clips(card: ModelCard, root: Path, tracks: int) -> Windows:
    """Clips of the sources that were kept from training."""
    found = [
        clip for t in unseen_tracks(card, root, tracks) for clip in clips_of(t.wave, CLIP_SECONDS, card.sample_rate)
    ]
    return np.stack(found)


def training_clips(card: ModelCard, root: Path) -> Windows:
    """A clip from the middle of each of a few other tracks."""
    held_out = {*recipe_of(card)["data"]["test_sources"]}
    rows = [row for row in free_rows(root) if row["source"] not in held_out]
    size, found = card.window, []
    for row in rows[:: max(1, len(rows) // CALIBRATION)]:
        wave = load(root / row["path"], rate=card.sample_rate)
        if len(wave) >= size:
            found.append(wave[(len(wave) - size) // 2 :][:size])
    return np.stack(found)


def compare(name: str, root: Path, tracks: int, folder: Path) -> None:
    """Print a table for each precision."""
    card = Session(name, threads=1).card
    clips, calibration = unseen_clips(card, root / "music", tracks), training_clips(card, root / "music")
    notes: Tagged | None = held_out_notes(root / "notes", card) if (root / "notes" / "notes.csv").is_file() else None
    for precision in ("fp16", "int8"):
        path = folder / f"{name}-{precision}.onnx"
        found = convert(find_model(name), path, precision, calibration=calibration, clips=clips, tagged=notes)
        print(f"\n**{name}, {precision}**: {path.stat().st_size / 1e6:.2f} MB\n{comparison_table(found)}")


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] in (["engines"], ["narrow"], ["memory"]):
        import_module(sys.argv[1]).main(sys.argv[2:])
        return
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tracks", type=int, default=9, help="greatest number of tracks of a source")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--web", type=Path, default=ROOT / "runtime" / "web" / "node_modules")
    options.add_argument("--run", type=Path, help="training run of the bundled model, to compare it with torch")
    chosen = options.parse_args()
    root = data_folder()
    for name in bundled_models():
        with tempfile.TemporaryDirectory() as folder:
            calibration = None
            if (root / "music" / "tracks.csv").is_file():
                compare(name, root, chosen.tracks, Path(folder))
                calibration = training_clips(Session(name, threads=1).card, root / "music")
        report = measure(find_model(name), ReportInputs(calibration, chosen.run, chosen.web), chosen.rounds)
        print("\n" + markdown(report))


if __name__ == "__main__":
    main()
