"""A reader's folder: the files that the pages name, and a shell that runs the pages' commands in it."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

from musicfeat.demo import RATE, synthesise
from support.pages import blocks

TITLES = (
    *("Carol of the Bells", "Castle Black", "main_theme", "Alexander Ehlers - Bluelab", "Halloween", "Steppin Up"),
    *("Zane Little - Insect Factory LOOP", "Kevin MacLeod - Monkeys Spinning Monkeys", "Rain 2-82367-A"),
)
PROGRAMS = {
    "musicfeat": "musicfeat.cli",
    "musicfeat-train": "musicfeat_trainer.cli",
    "musicfeat-export": "musicfeat_export.cli",
}


class Reader:
    """The home of somebody who tries a page, with the catalog as it was before any command.

    Args:
        library: what ``write_library`` wrote: the home.
    """

    def __init__(self, library: Path) -> None:
        self.home = library / "home"
        shutil.rmtree(self.home / "catalog", ignore_errors=True)
        shutil.copytree(library / "catalog", self.home / "catalog")
        self.programs = library / "bin"
        self.programs.mkdir(exist_ok=True)
        for program, module in PROGRAMS.items():
            script = self.programs / program
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            script.chmod(0o755)

    def configure_beets(self, page: Path) -> None:
        """Write the settings of beets that a page shows."""
        for block in blocks(page, "yaml"):
            if block.text.startswith("plugins:"):
                (self.home / "config.yaml").write_text(block.text)

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.programs), str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"HOME": str(self.home), "BEETSDIR": str(self.home), "BROWSER": "true", "PYTHONWARNINGS": "ignore"}
        return {**os.environ, "PATH": path, "COLUMNS": "120", **own}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line in bash to its end."""
        return subprocess.run(
            ["bash", "-c", line], cwd=self.home, env=self.environment, text=True, capture_output=True, check=False
        )

    def start(self, line: str) -> tuple[str, int]:
        """Start a command that ends by Ctrl-C alone; its first line and, after Ctrl-C, its exit code.

        A server takes a free port, as another test may use the documented one.
        """
        line = line.partition(" # ")[0].replace("musicfeat listen", "musicfeat listen --port 0")
        with subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.home,
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            assert process.stdout
            first = process.stdout.readline()
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.communicate(timeout=120)
            finally:
                process.kill()
        return first, process.returncode


def write_library(folder: Path) -> None:
    """Write a home with music, noises, pieces and examples under the names of the pages, and a catalog of its music."""
    home, clip = folder / "home", synthesise()
    (home / "PIECES").mkdir(parents=True)
    soundfile.write(home / "song.wav", clip, RATE)
    soundfile.write(home / "SONG.mp3", clip, RATE)
    for piece, sound in zip("cab", np.array_split(clip, 3), strict=True):
        soundfile.write(home / "PIECES" / f"{piece}.wav", sound, RATE)
    for number, name in enumerate(("noise", "a", "b")):
        soundfile.write(home / f"{name}.mp3", _noise(number, 6), RATE)
    _write_versions(home, clip)
    (home / "tapes").mkdir()
    soundfile.write(home / "tapes" / "side-a-and-b.wav", np.stack([clip, np.roll(clip, 7 * RATE)[::-1]], axis=1), RATE)
    _write_tracks(home / "Music", clip)
    from musicfeat.catalog import embed_catalog

    embed_catalog([home / "Music"], folder / "catalog", workers=1)


def _write_versions(home: Path, clip: np.ndarray) -> None:
    """Write a take and a version of it: 2 s cut, 2 s of noise inserted, 2 s reversed, all of it 2 % faster."""
    a, _, c, d, e = np.split(clip, [5 * RATE, 7 * RATE, 12 * RATE, 14 * RATE])
    version = np.concatenate([a, c, _noise(1, 2), d[::-1], e])
    soundfile.write(home / "take.wav", clip, RATE)
    soundfile.write(home / "broadcast.mp3", soxr.resample(version, 1.02 * RATE, RATE), RATE)


def _write_tracks(folder: Path, clip: np.ndarray) -> None:
    from mediafile import MediaFile

    (folder / "minilens").mkdir(parents=True)
    for number, title in enumerate(TITLES):
        path = folder / f"{number}.flac"
        soundfile.write(path, _noise(90, 6) if "Rain" in title else _song(clip, number), RATE)
        artist, _, name = title.rpartition(" - ")
        file = MediaFile(path)
        file.update({"title": name, "genres": ["Games"], **({"artist": artist} if artist else {})})
        file.save()
    with (folder.parent / "sort.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["track", "label"])
        for number in range(13):
            for label, sound in (("music", _song(clip, number + 20)), ("sound", _noise(number, 5))):
                path = folder / "minilens" / f"{label}_{number}.flac"
                soundfile.write(path, sound, RATE)
                if number < 10:
                    table.writerow([path.relative_to(folder.parent), label])


def _song(clip: np.ndarray, number: int) -> np.ndarray:
    """7 s of the clip, begun elsewhere, faster or slower."""
    beginning, speed = (number * 0.7 * RATE) % (8 * RATE), 2 ** ((number * 5 % 13 - 6) / 12)
    return np.interp(beginning + np.arange(7 * RATE) * speed, np.arange(len(clip)), clip)


def _noise(seed: int, seconds: int) -> np.ndarray:
    """Noise, darker with a higher seed."""
    noise = np.random.default_rng(seed).standard_normal(seconds * RATE)
    return 0.1 * np.convolve(noise, np.ones(1 + seed % 12) / (1 + seed % 12), mode="same")


def shape(text: str) -> str:
    """Output of a command without all that depends on the music: numbers, names of tracks, and labels."""
    for title in sorted(TITLES, key=len, reverse=True):
        text = text.replace(title, "TRACK")
    text = re.sub(r"[\w./-]+\.(?:opus|flac|mp3|wav)", "TRACK", text)
    text = re.sub(r"tags = [\w; ]*", "tags = LABELS", re.sub(r"sort = \w+", "sort = LABEL", text))
    return re.sub(r"-?\d+(?:\.\d+)?", "#", text)
