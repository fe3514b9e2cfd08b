"""Runs of ``musicfeat embed`` as a user starts them, and files for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from musicfeat.demo import RATE, synthesise

WORKERS = 2
Row = list[str]


def start(sources: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own."""
    command = [sys.executable, "-m", "musicfeat.cli", "embed", str(sources), "-o", str(out), "--workers", str(WORKERS)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_files(folder: Path, count: int, different: int, longest: float) -> None:
    """Write Flac files of 1 s and more: ``different`` different ones, the others links to these."""
    folder.mkdir(parents=True)
    clip, generator = synthesise(), np.random.default_rng(0)
    paths = [folder / f"{number:05d}.flac" for number in range(count)]
    for number, path in enumerate(paths):
        if number >= different:
            os.link(paths[number % different], path)
            continue
        sound = np.resize(np.roll(clip, number * RATE), int(generator.uniform(1, longest) * RATE))
        soundfile.write(path, 0.8 * sound, RATE)
