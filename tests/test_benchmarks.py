"""Every benchmark runs and prints its tables; what they measure is not judged here."""

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

pytest.importorskip("librosa", reason="the benchmark extra is not installed")

from musicfeat import Extractor

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(name: str, *arguments: str, data: Path | None = None) -> str:
    environment = {**os.environ, **({"MUSICFEAT_DATA": str(data)} if data else {})}
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_frontend() -> None:
    out = run("frontend", "--rounds", "1")
    assert out.count("| DFT factorised into two small products |") == 2
    assert "librosa melspectrogram" in out


def test_latency() -> None:
    out = run("latency", "--rounds", "1", "--hours", "0.01")
    for words in ("MFCC", "process launch", "peak memory", "wheel"):
        assert words in out


def test_sequence(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    sources = json.loads(Extractor().card.recipe)["data"]["test_sources"][:2]
    with (tmp_path / "tracks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "source", "noncommercial"])
        for i, source in enumerate(sources):
            soundfile.write(tmp_path / f"{source}.flac", np.roll(clip, i * rate), rate)
            writer.writerow([f"{source}.flac", source, "no"])
    tmp_path.joinpath("music").symlink_to(tmp_path, target_is_directory=True)
    out = run("sequence", "--rendered", "0", "--json", str(tmp_path / "scores.json"), data=tmp_path)
    for words in ("| reversal |", "order of 3", "order of 5", "gap unknown", "calibration", "16.7 %"):
        assert words in out
    assert 0 <= json.loads((tmp_path / "scores.json").read_text())["reversal"] <= 1
