from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from musicfeat.model.providers import PROVIDERS
from musicfeat_export.cli import main
from musicfeat_export.report.profile import macs, profile
from support.paths import WEB


@pytest.mark.slow
def test_the_report_is_written_and_measures(
    exported: Path, run: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--clips", str(music), "--run", str(run), "--rounds", "1", "-o", str(tmp_path)]
    assert main(["report", str(exported), *arguments]) == 0
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert (tmp_path / "report.md").read_text().startswith(printed.strip()[:200])
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latency.png", "report.json", "report.md"]
    parity = {row["engine"]: row for row in report["parity"]}
    for engine in ("torch", "CPU, 1 thread", "fp16, numpy", "int8, CPU, 1 thread"):
        assert parity[engine]["embedding"] is not None, engine
    assert parity["torch"]["embedding"] <= 1e-4
    assert parity["CPU, 1 thread"]["embedding"] <= 1e-4
    assert {*PROVIDERS, "tensorrt"} - {"cpu"} == {name.split(":")[0] for name in parity} & {*PROVIDERS, "tensorrt"}
    for row in report["parity"]:
        assert (row["embedding"] is None) == bool(row["reason"])
    assert [row["batch"] for row in report["latency"]] == [1, 2, 4, 8, 16]
    assert report["cost"]["cold_start"] > 0
    assert report["profile"]["file_bytes"] == exported.stat().st_size


def test_what_is_not_here_says_why(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(exported), "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "not available here: needs the training run" in printed
    assert "not available here: needs real sound" in printed


@pytest.mark.slow
def test_onnxruntime_web_agrees(exported: Path, tmp_path: Path) -> None:
    modules = WEB / "node_modules"
    if not shutil.which("node") or not (modules / "onnxruntime-web").is_dir():
        pytest.skip("no Node.js or no onnxruntime-web (Debian: nodejs, npm; then npm ci --prefix runtime/web)")
    assert main(["report", str(exported), "--web", str(modules), "--rounds", "1", "-o", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "report.json").read_text())["parity"]
    assert next(row for row in rows if "web" in row["engine"])["embedding"] <= 1e-4


def test_multiplications_are_counted() -> None:
    weights = {"w": (8, 3, 5), "m": (8, 6), "g": (4, 48)}
    nodes = [
        helper.make_node("Conv", ["waveform", "w"], ["c"], "conv", pads=[2, 2]),
        helper.make_node("Transpose", ["c"], ["t"], "transpose", perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "m"], ["p"], "product"),
        helper.make_node("Flatten", ["p"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "g"], ["y"], "gemm", transB=1),
    ]
    tensors = [onnx.numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in weights.items()]
    inputs = [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", 3, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    assert macs(model) == (8 * 8 * 3 * 5 + 8 * 6 * 8 + 4 * 48, 0)


def test_the_spectrogram_is_part_of_the_work(exported: Path) -> None:
    found = profile(exported)
    assert 0 < found.frontend_macs < found.macs
    assert found.opset == 18
    assert sum(found.operators.values()) == len(onnx.load(exported).graph.node)
