"""The example scripts, run as a newcomer would, on sound that is made here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.demo import synthesise
from support.paths import EXAMPLES

RATE = 22050


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def pluck(pitch: float, time: np.ndarray) -> np.ndarray:
    return sum(np.sin(2 * np.pi * pitch * k * time) * np.exp(-(3 + k) * time) / k for k in range(1, 9))


def bow(pitch: float, time: np.ndarray) -> np.ndarray:
    tone = sum(np.sin(2 * np.pi * k * (pitch * time + 0.05 * np.sin(30 * time))) / k for k in range(1, 9))
    return tone * np.minimum(1, 4 * time)


def shake(pitch: float, time: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(round(pitch)).standard_normal(len(time))
    return noise * np.exp(-20 * (time * pitch / 50 % 1))


INSTRUMENTS: dict[str, Callable[[float, np.ndarray], np.ndarray]] = {"guitar": pluck, "violin": bow, "shaker": shake}


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each instrument, with six notes of two seconds."""
    folder = tmp_path_factory.mktemp("notes")
    for name, play in INSTRUMENTS.items():
        (folder / name).mkdir()
        for number in range(6):
            write_note(folder / name / f"{number}.wav", play, 160 * 2 ** (number / 6))
    return folder


def write_note(path: Path, play: Callable[[float, np.ndarray], np.ndarray], pitch: float) -> None:
    sound = play(pitch, np.arange(2 * RATE) / RATE)
    soundfile.write(path, 0.5 * sound / np.abs(sound).max(), RATE)


@pytest.mark.slow
def test_classify_instruments(notes: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'musicfeat[sklearn]'")
    for name, play in INSTRUMENTS.items():
        write_note(tmp_path / f"unheard_{name}.wav", play, 205.0)
    done = run("classify_instruments.py", notes, *sorted(tmp_path.iterdir()))
    first, *answers = done.stdout.splitlines()
    right, chance = map(float, re.findall(r"([\d.]+)%", first))
    assert first.startswith("18 files of 3 classes")
    assert chance == pytest.approx(33.3)
    assert right > 80
    assert [answer.rsplit(": ")[1] for answer in answers] == ["guitar", "shaker", "violin"]
    assert "at least two folders" in run("classify_instruments.py", notes / "guitar").stderr


def test_similar_songs(notes: Path, tmp_path: Path) -> None:
    (notes / "broken.wav").write_text("no sound")
    try:
        done = run("similar_songs.py", notes, notes / "violin" / "2.wav")
    finally:
        (notes / "broken.wav").unlink()
    found = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    likeness = [float(number) for number, _ in found]
    assert len(found) == 10
    assert likeness == sorted(likeness, reverse=True)
    assert [Path(name).parent.name for _, name in found[:4]] == ["violin"] * 4
    assert not any(name.endswith("violin/2.wav") for _, name in found)
    assert "broken.wav" in done.stderr
    failed = run("similar_songs.py", notes, tmp_path / "missing.wav")
    assert failed.returncode == 1
    assert failed.stderr.strip().endswith("missing.wav does not exist or is not a regular file")


@pytest.mark.slow
def test_find_edits(clip: np.ndarray, rate: int, tmp_path: Path) -> None:
    """Parts of a beat are taken out of a strict rhythm, early and after a minute."""
    whole, edited = tmp_path / "whole.flac", tmp_path / "edited.flac"
    soundfile.write(whole, clip, rate)
    first, second = np.split(synthesise(70)[: 70 * rate], [64 * rate])
    parts = [first[: 11 * rate], first[round(11.7 * rate) :], second[rate // 3 :]]
    soundfile.write(edited, np.concatenate(parts), rate)
    assert run("find_edits.py", whole).stdout == "no suspicious place\n"
    found = re.findall(r"^(\d\d):(\d\d\.\d)  P\(cut\) = ([01]\.\d\d)$", run("find_edits.py", edited, 0.8).stdout, re.M)
    times = [60 * int(minutes) + float(seconds) for minutes, seconds, _ in found]
    assert times == pytest.approx([11.0, 63.3], abs=0.4)
    assert all(float(probability) >= 0.8 for _, _, probability in found)
    (tmp_path / "broken.wav").write_text("no sound")
    assert "broken.wav" in run("find_edits.py", tmp_path / "broken.wav").stderr.splitlines()[0]


@pytest.mark.parametrize("script", ["classify_instruments.py", "similar_songs.py", "find_edits.py"])
def test_without_arguments_they_say_how_to_call_them(script: str) -> None:
    if script.startswith("classify"):
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    done = run(script)
    assert done.returncode == 1
    assert f"python {script}" in done.stderr
