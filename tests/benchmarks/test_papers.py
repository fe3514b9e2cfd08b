"""The papers' benchmark trains, judges and prints its tables; what it measures is not judged here."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from support.paths import ROOT

pytest.importorskip("torch", reason="the train extra is not installed")

PAPERS = ROOT / "benchmarks" / "papers"
RATE = 22050
SOURCES = (
    "clue_cards", "marble_marcher", "minilens", "super_tux_party", "xmoto", "frozen_bubble", "godot_open_rpg",
    "lincity_ng", "neverball", "openclonk", "tuxmath", "ultrastar_songs", "valyriatear", "xonotic_music",
)  # fmt: skip


def tone(path: Path, pitch: float, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(round(pitch)).normal(0, 0.01, len(time))
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * time) * np.exp(-2 * (time % 0.5)) + noise, RATE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Folders of music, with two sources of many tracks, of environmental sounds, and of notes."""
    files = {f"{source}/a.wav": source for source in SOURCES}
    files |= {f"{source}/{number}.wav": source for source in ("low", "high") for number in range(7)}
    for number, (path, source) in enumerate(files.items()):
        tone(tmp_path / "music" / path, (900 if source == "high" else 150) + 5 * number, 6.0)
    with (tmp_path / "music" / "tracks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "source"), *files.items()])
    for pitch, kind in ((200, "cow"), (1000, "rain")):
        for number in range(5):
            tone(tmp_path / "esc10" / kind / f"{number % 2 + 1}-{number}{kind}-A.wav", pitch + number, 1.0)
    notes = [
        (f"{number}.wav", ("flute", "tuba")[number % 2], ("train", "heldout")[number // 8]) for number in range(12)
    ]
    for number, (path, instrument, _) in enumerate(notes):
        tone(tmp_path / "notes" / path, (700 if instrument == "flute" else 90) + 5 * number, 1.0)
    with (tmp_path / "notes" / "notes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "instrument", "split"), *notes])
    return tmp_path


@pytest.mark.slow
def test_tables_of_systems_trained_for_a_step(data: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(PAPERS), "--steps", "1", "--threads", "1", "--folder", str(tmp_path / "runs")]
    command += ["--paper", "siamusic", "--paper", "berkeley"]
    environment = {**os.environ, "MUSICFEAT_DATA": str(data)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for words in (
        "| siamusic/resnet50-image-small | source of a track | linear | 26.2 % |",
        "| siamusic/resnet50-audio-small | instrument of a note | linear |  |",
        "| moco/v1 | finetune | full | 74.2 % |",
        "| npid | probe | 10%x10 |",
    ):
        assert words in done.stdout
    again = subprocess.run([*command, "--no-training"], capture_output=True, text=True, env=environment, check=False)
    assert "| npid | knn |" in again.stdout
    assert set(again.stdout.splitlines()) <= set(done.stdout.splitlines())


@pytest.mark.slow
def test_experiments_are_done_once(tmp_path: Path) -> None:
    music, folder = tmp_path / "music", tmp_path / "settling"
    for number in range(5):
        tone(music / f"{number}.wav", 200 + 100 * number, 14.0)
    with (music / "tracks.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "source"), *((f"{number}.wav", str(number)) for number in range(5))])
    command = [
        sys.executable,
        str(PAPERS / "settling.py"),
        "levels",
        "overfit",
        "--folder",
        str(folder),
        "--steps",
        "1",
    ]
    environment = {**os.environ, "MUSICFEAT_DATA": str(tmp_path)}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, env=environment, check=False) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr[-3000:]
    assert second.stdout == first.stdout
    assert "seven layers, He" in first.stdout
    assert json.loads((folder / "overfit.json").read_text())["steps, accuracy over both answers of the 64 clips, loss"]
