"""The benchmark of GPUs asks every question of the CPU, and says in words what it cannot ask."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.paths import ROOT

GPU = ROOT / "benchmarks" / "gpu"


def ask(*arguments: str) -> str:
    command = [sys.executable, str(GPU), "--batches", "1", "--rounds", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_question_is_asked_of_the_cpu(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    written = tmp_path / "gpu.md"
    out = ask("--device", "cpu", "--output", str(written))
    assert "| music-small | fp32 | 2 | 0.0e+00 |" in out
    assert out.count("| music-small, fp16 | 1 |") == 1
    assert "| model | windows in a run | float32: x real time | int16: x real time |" in out
    assert out.count("| trunk |") == out.count("| joins |") == 2
    assert "| bf16 | 1 |" in out
    assert "Not available: TensorRT runs on NVIDIA's GPUs alone" in out
    assert out.count("Not available") == 1
    assert written.read_text().count("\n## ") == out.count("\n## ") == 7


@pytest.mark.slow
def test_a_missing_gpu_is_told_in_every_place() -> None:
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    if Path("/dev/nvidiactl").exists():
        pytest.skip("an NVIDIA GPU is here")
    out = ask("--only", "parity", "int16", "network", "training", "tensorrt")
    assert out.count("Not available: ") == 5


def test_without_time_nothing_is_asked() -> None:
    assert ask("--device", "cpu", "--minutes", "0.01", "--only", "training", "parity").count("no time was left") == 2


def test_wheels_come_before_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "soxr-9.9-py3-none-any.whl", "w") as wheel:
        wheel.writestr("soxr.py", "HERE = True\n")
        wheel.writestr("soxr-9.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: soxr\nVersion: 9.9\n")
        wheel.writestr(
            "soxr-9.9.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("soxr-9.9.dist-info/RECORD", "")
    monkeypatch.syspath_prepend(str(GPU))
    from importlib import util

    spec = util.spec_from_file_location("gpu_main", GPU / "__main__.py")
    assert spec
    assert spec.loader
    main = util.module_from_spec(spec)
    spec.loader.exec_module(main)
    main.unpack(tmp_path, tmp_path / "unpacked")
    variables = {**os.environ, **main.environment(tmp_path / "unpacked")}
    command = [sys.executable, "-c", "import soxr, musicfeat_trainer; print(soxr.HERE)"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
