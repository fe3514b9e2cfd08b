"""Weights that are denormal numbers: zero in a session, and the arithmetic of the host as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicfeat.model.denormals import flushed
from musicfeat.model.session import Session, find_model

onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
TINY = 1e-40


def small(model: onnx.ModelProto, value: float) -> int:
    """Set every third weight of the larger tensors to ``value``, in place; return how many."""
    changed = 0
    for tensor in model.graph.initializer:
        weights = onnx.numpy_helper.to_array(tensor).copy()
        if weights.dtype == np.float32 and weights.size > 1000:
            weights.reshape(-1)[::3] = value
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights, tensor.name))
            changed += len(weights.reshape(-1)[::3])
    return changed


def tensors(graph: onnx.GraphProto) -> list[np.ndarray]:
    own = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer]
    return own + [
        onnx.numpy_helper.to_array(entry.t) for node in graph.node for entry in node.attribute if entry.t.dims
    ]


def test_a_session_computes_with_zeros(tmp_path: Path) -> None:
    paths = {}
    for name, value in (("tiny", TINY), ("zero", 0.0)):
        model = onnx.load(find_model(None))
        assert small(model, value) > 100_000
        paths[name] = tmp_path / f"{name}.onnx"
        onnx.save(model, paths[name])
    assert flushed(paths["tiny"].read_bytes()) == paths["zero"].read_bytes()
    windows = np.random.default_rng(0).standard_normal((1, Session(threads=1).card.window), dtype=np.float32) * 0.1
    for outputs in (None, ["embedding"]):
        tiny, zero = (Session(path, threads=1, outputs=outputs) for path in paths.values())
        for name, value in zero.run(windows, zero.outputs).items():
            np.testing.assert_array_equal(tiny.run(windows, tiny.outputs)[name], value)
    assert np.float32(TINY) * np.ones(100, np.float32)[0] != 0  # the arithmetic of this thread is as it was


def test_every_kind_of_tensor_is_looked_at() -> None:
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    values = np.array([TINY, -TINY, 1, 0, np.finfo(np.float32).tiny, -np.inf], np.float32)
    listed = helper.make_tensor("listed", float32, [6], values.tolist())
    raw = helper.make_tensor("raw", float32, [6], values.tobytes(), raw=True)
    doubles = onnx.numpy_helper.from_array(values.astype(np.float64), "doubles")
    constant = helper.make_node("Constant", [], ["constant"], value=raw)
    inner = helper.make_graph([constant], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    model = helper.make_model(helper.make_graph([constant, branch], "g", [], [], [listed, raw, doubles]))
    graph = onnx.ModelProto.FromString(flushed(model.SerializeToString())).graph
    within = [entry.g for node in graph.node for entry in node.attribute if entry.g.node]
    found = [array for part in (graph, *within) for array in tensors(part) if array.dtype == np.float32]
    assert len(found) == 5
    for array in found:
        np.testing.assert_array_equal(array, np.where(np.arange(6) < 2, 0, values))


def test_a_model_without_them_is_not_copied() -> None:
    model = find_model(None).read_bytes()
    assert flushed(model) is model


def test_weights_beside_a_model_are_found(tmp_path: Path) -> None:
    model = onnx.load(find_model(None))
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location="weights.bin")
    windows = np.random.default_rng(0).standard_normal((1, Session(threads=1).card.window), dtype=np.float32)
    both = [Session(path, threads=1, outputs=["embedding"]) for path in (None, tmp_path / "m.onnx")]
    first, second = (session.run(windows, ("embedding",))["embedding"] for session in both)
    np.testing.assert_array_equal(first, second)
