"""Songs to embed: MP3 files of synthesised music, a few different ones under many names."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile

from musicfeat.demo import RATE, synthesise

SECONDS = 240
DIFFERENT = 6


def write_songs(folder: Path, count: int, seconds: int = SECONDS) -> list[str]:
    """Write stereo MP3 files at 44.1 kHz: ``DIFFERENT`` different ones, the others links to these."""
    folder.mkdir(parents=True)
    clip = synthesise()
    paths = [folder / f"{number:05d}.mp3" for number in range(count)]
    for number, path in enumerate(paths):
        if number >= DIFFERENT:
            os.link(paths[number % DIFFERENT], path)
            continue
        song = np.resize(np.roll(clip, number * RATE), seconds * RATE)
        noise = np.random.default_rng(number).standard_normal(len(song)).astype(np.float32)
        sides = np.stack([song + 0.01 * noise, np.roll(song, RATE // 100)], axis=1)
        soundfile.write(path, 0.8 * sides, RATE, format="MP3")
    return [str(path) for path in paths]
