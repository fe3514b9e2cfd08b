"""The JavaScript package in Node, or the demo page in Chromium, beside the Python runtime on real music: the largest
difference of every output.

    python benchmarks/web_parity.py [--tracks 30] [--windows 3] [--on cpu|wasm|page]

Both hear the first windows of each track, decoded once, at the rate of the file: resampling, cutting, model and
pooling are each side's own. Music is read from $MUSICFEAT_DATA.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from _table import ROOT, markdown, music_folder

from musicfeat import Extractor, Features, load
from support.browser import Page, install, serving

Sounds = Sequence[tuple[npt.NDArray[np.float32], int]]
"""Samples and their rates."""

RUNNER = ROOT / "tests" / "runtime" / "web" / "npm_package.mjs"
TOLD = 1e-3
"""Difference up to which both sides are held to be equal."""
ARRAYS = {"embeddings": "embeddings", "reversal": "P(backwards)", "jigsaw": "P(out of order)", "tag_curve": "tags"}
"""Field of both sides -> its name in the table."""


def chosen(folder: Path, count: int) -> list[Path]:
    """Tracks of a folder of music, evenly spread over its list."""
    with (folder / "tracks.csv").open(newline="", encoding="utf-8") as file:
        paths = [folder / row["path"] for row in csv.DictReader(file)]
    there = [path for path in paths if path.is_file()]
    return there[:: max(1, len(there) // count)][:count]


def in_node(waves: Sounds, device: str) -> list[dict[str, Any]]:
    """Features of the package."""
    node = shutil.which("node")
    if not node:
        raise SystemExit("Node.js is not installed (Debian: nodejs)")
    with tempfile.TemporaryDirectory() as folder:
        jobs = []
        for number, (wave, rate) in enumerate(waves):
            path = Path(folder, f"{number}.f32")
            wave.tofile(path)
            jobs.append({"method": "extract", "waves": [str(path)], "sr": rate, "options": {}})
        asked = json.dumps({"options": {"device": device}, "jobs": jobs})
        done = subprocess.run([node, RUNNER], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Node failed: {done.stderr[-2000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def on_the_page(waves: Sounds, hop: float) -> list[dict[str, Any]]:
    """Features that the demo page saves for WAV files of float samples."""
    with tempfile.TemporaryDirectory() as folder, serving() as site:
        page, found = Page(Path(folder)), []
        page.open(site.url)
        page.step(f"{hop:g} s")
        for number, (wave, rate) in enumerate(waves):
            path = Path(folder, f"{number}.wav")
            soundfile.write(path, wave, rate, subtype="FLOAT")
            page.choose(path)
            found.append(page.saved(path.name))
        page.browser.quit()
    return found


def differences(theirs: dict[str, Any], ours: Features) -> Iterator[tuple[str, float]]:
    """Name of each output and the largest difference in it."""
    for field, name in ARRAYS.items():
        expected = getattr(ours, field)
        if expected is not None:
            yield name, float(np.abs(np.array(theirs[field]) - expected).max())
    yield "embedding of the whole", float(np.abs(np.array(theirs["pooled"]["embedding"]) - ours.embedding).max())
    yield "P(backwards) of the whole", abs(theirs["pooled"]["reversed"] - ours.reversed)


def main() -> None:
    """Print a Markdown table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tracks", type=int, default=30)
    options.add_argument("--windows", type=int, default=3)
    options.add_argument("--on", choices=("cpu", "wasm", "page"), default="cpu", help="a device of Node, or the page")
    given = options.parse_args()
    extractor = Extractor(threads=1)
    paths = chosen(music_folder(), given.tracks)
    waves = []
    for path in paths:
        wave, rate = load(path)
        waves.append((np.ascontiguousarray(wave[: round(given.windows * extractor.window * rate)]), rate))
    install()
    answers = on_the_page(waves, extractor.hop) if given.on == "page" else in_node(waves, given.on)
    worst: dict[str, list[float]] = {}
    for (wave, rate), theirs in zip(waves, answers, strict=True):
        for name, difference in differences(theirs, extractor(wave, rate)):
            worst.setdefault(name, []).append(difference)
    minutes = sum(len(wave) / rate for wave, rate in waves) / 60
    header = [f"{len(paths)} tracks, {minutes:.0f} min", "largest difference", "median track", f"tracks above {TOLD:g}"]
    rows = [
        [name, f"{max(found):.1e}", f"{np.median(found):.1e}", str(sum(one > TOLD for one in found))]
        for name, found in worst.items()
    ]
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
