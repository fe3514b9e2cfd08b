"""The page in headless Chromium beside the Python runtime, on the same file in turn, both on one thread.

python benchmarks/web.py [SONG] [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from _table import markdown

from musicfeat import Extractor
from musicfeat.demo import RATE, synthesise
from musicfeat.sound.audio import opened
from musicfeat.sound.waveform import resample
from support.browser import Page, install, serving

Times = dict[str, float]
STAGES = ("decode", "resample", "model", "total")
NAMES = {"total": "all, as a user waits"}


def page_times(page: Page, path: Path) -> Times:
    """The stage times that the page reports."""
    page.choose(path)
    return page.saved(path.name)["seconds"]


def python_times(extractor: Extractor, path: Path) -> Times:
    """Times of the runtime's stages, each for the whole file; its own call runs them by block."""
    marks = [time.perf_counter()]

    def lap() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    sound = opened(path)
    mono, decoding = np.concatenate(list(sound.blocks)), lap()
    wave, resampling = np.concatenate(list(resample([mono], sound.sr, extractor.card.sample_rate))), lap()
    extractor(wave, extractor.card.sample_rate)
    judging = lap()
    extractor(path)
    return {"decode": decoding, "resample": resampling, "model": judging, "total": lap()}


def rounds(path: Path, count: int, folder: Path) -> Iterator[tuple[Times, Times]]:
    """Times of page and runtime; the first round, a warm-up of both, is left out."""
    extractor = Extractor(threads=1)
    with serving() as site:
        page = Page(folder)
        page.open(site.url)
        page.step(f"{extractor.hop:g} s")
        for number in range(count + 1):
            times = page_times(page, path), python_times(extractor, path)
            if number:
                yield times
        page.browser.quit()


def main() -> None:
    """Print a Markdown table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "song", nargs="?", type=Path, help="file to judge (default: three minutes of the synthesised clip)"
    )
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    install()
    with tempfile.TemporaryDirectory() as name:
        path = chosen.song or Path(name) / "clip.mp3"
        if not chosen.song:
            soundfile.write(path, np.tile(synthesise(), 8)[: 180 * RATE], RATE)
        times = list(rounds(path.absolute(), chosen.rounds, Path(name)))
        seconds = Extractor(threads=1)(path).duration
    rows = []
    for stage in STAGES:
        web, python = ([pair[side][stage] for pair in times] for side in (0, 1))
        middles = [statistics.median(side) for side in (web, python)]
        ratio = statistics.median(a / b for a, b in zip(web, python, strict=True))
        figures = [text for middle in middles for text in (f"{1000 * middle:.0f}", f"{seconds / middle:.0f}")]
        rows.append([NAMES.get(stage, stage), *figures, f"{ratio:.1f}"])
    header = [f"{seconds:.0f} s of {path.suffix[1:]}, windows that touch", "page, ms", "x real time"]
    print(markdown([*header, "runtime, ms", "x real time", "time / runtime's"], rows))


if __name__ == "__main__":
    main()
