"""Shared sounds and paths. Tests make their own sound; real music is used where its folder exists."""

from __future__ import annotations

import csv
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

# Tests share the cores as processes, where more threads would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell starts what runs in the background with Ctrl-C ignored, which commands under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
import soundfile

from musicfeat import Extractor
from musicfeat.demo import RATE, synthesise
from support.paths import DATA


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without", metavar="FILE", help="leave out tests that passed by the summary (-rp) in FILE")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if file := config.getoption("--without"):
        passed = {line.removeprefix("PASSED ") for line in Path(file).read_text().splitlines()}
        items[:] = [item for item in items if item.nodeid not in passed]


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    """24 s of synthesised music, [samples] at ``rate``."""
    return synthesise()


@pytest.fixture(scope="session")
def rate() -> int:
    return RATE


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return Extractor(threads=1)


@pytest.fixture(scope="session")
def music_folder() -> Path:
    """The folder of real music: $MUSICFEAT_DATA/music, by default ../shared/data/music."""
    folder = DATA / "music"
    if not (folder / "tracks.csv").is_file():
        pytest.skip(f"no real music at {folder}: set MUSICFEAT_DATA to a folder that holds music/tracks.csv")
    return folder


@pytest.fixture(scope="session")
def write_notes() -> Callable[[Path, int], None]:
    """Writes a folder of recorded notes, see ``_write_notes``."""
    return _write_notes


def _write_notes(folder: Path, rate: int) -> None:
    """Plucked and bowed tones, two of each for training and one that is held out."""
    folder.mkdir()
    time = np.arange(rate) / rate
    with (folder / "notes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "instrument", "split"])
        for instrument, decay in (("banjo", 6.0), ("cello", 0.5), ("oboe", 1.0)):
            for number, split in enumerate(("train", "train", "heldout")):
                name = f"{instrument}{number}.wav"
                tone = np.sin(2 * np.pi * 220 * (1 + number / 3) * time) * np.exp(-decay * time)
                soundfile.write(folder / name, 0.5 * tone, rate)
                table.writerow([name, instrument, split])


@pytest.fixture(scope="session")
def sound_font() -> Path | None:
    """A General MIDI sound font, where FluidSynth can play one; a font of any other kind may be silent."""
    fonts = [Path("/usr/share/sounds/sf2", f"{name}.sf2") for name in ("TimGM6mb", "FluidR3_GM", "default-GM")]
    return next(filter(Path.is_file, fonts), None) if shutil.which("fluidsynth") else None


@pytest.fixture(scope="session")
def fluidsynth(sound_font: Path | None) -> Path:
    """The same, or the test is skipped."""
    if not sound_font:
        pytest.skip("FluidSynth and a sound font are not installed (Debian: fluidsynth, timgm6mb-soundfont)")
    return sound_font
