"""Model whose curves can be told from the sound: loud moments are cuts, and what lies below zero plays backwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicfeat.model.card import ModelCard

RATE = 8000
WINDOW, CUT, BACKWARDS = 16000, 400, 3200
"""Samples of a window, and of a value of each curve."""
STEEP = 40.0
"""Log-odds of a mean of -1."""


def write(path: Path) -> Path:
    """Write the model: windows of 2 s at 8 kHz.

    P(cut) is the greatest sample of each 0.05 s. P(backwards) of each 0.4 s, and of the window, is the logistic
    function of ``-STEEP`` times the mean. The embedding holds the greatest sample of each quarter of a second.
    """
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[export]'")
    helper, single = onnx.helper, onnx.TensorProto.FLOAT
    sizes = {"embedding": 8, "reversal": 1, "cut": WINDOW // CUT, "backwards": WINDOW // BACKWARDS}

    def pooled(kind: str, size: int, name: str) -> object:
        return helper.make_node(kind, ["sound"], [name], kernel_shape=[size], strides=[size])

    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "one"], ["sound"]),
        pooled("MaxPool", CUT, "cut_row"),
        pooled("MaxPool", WINDOW // 8, "embedding_row"),
        pooled("AveragePool", BACKWARDS, "backwards_mean"),
        pooled("AveragePool", WINDOW, "reversal_mean"),
        *(helper.make_node("Mul", [f"{name}_mean", "steep"], [f"{name}_odds"]) for name in ("backwards", "reversal")),
        *(helper.make_node("Sigmoid", [f"{name}_odds"], [f"{name}_row"]) for name in ("backwards", "reversal")),
        *(helper.make_node("Squeeze", [f"{name}_row", "one"], [name]) for name in ("embedding", "backwards")),
        helper.make_node("Squeeze", ["reversal_row", "both"], ["reversal"]),
        helper.make_node("Squeeze", ["cut_row", "one"], ["cut_raw"]),
        helper.make_node("Clip", ["cut_raw", "low", "high"], ["cut"]),
    ]
    numbers = [
        helper.make_tensor("one", onnx.TensorProto.INT64, [1], [1]),
        helper.make_tensor("both", onnx.TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("steep", single, [], [-STEEP]),
        helper.make_tensor("low", single, [], [0.0]),
        helper.make_tensor("high", single, [], [1.0]),
    ]
    given = helper.make_tensor_value_info("waveform", single, ["n", WINDOW])
    shapes = {name: ["n"] if name == "reversal" else ["n", size] for name, size in sizes.items()}
    answers = [helper.make_tensor_value_info(name, single, shape) for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "curved", [given], answers, numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, _card(tuple(sizes)).to_metadata())
    onnx.save(model, path)
    return path


def edited(seconds: float) -> np.ndarray:
    """Sound for the model, at its rate: a quiet tone with clicks, hills and holes, partly below zero."""
    generator = np.random.default_rng(7)
    wave = 0.05 + 0.02 * np.sin(np.arange(round(seconds * RATE)) / 3)
    for at in generator.uniform(0, seconds, round(2 * seconds)):
        wave[int(at * RATE) :][: RATE // 50] += generator.uniform(0.1, 1.0)
    wave[len(wave) // 3 : len(wave) // 2] -= 0.2
    wave[-len(wave) // 8 : -len(wave) // 16] = 0
    return wave.astype(np.float32)


def _card(outputs: tuple[str, ...]) -> ModelCard:
    steps = {"cut": CUT / RATE, "backwards": BACKWARDS / RATE}
    curves = {name: (step, step / 2) for name, step in steps.items()}
    more = {"weights_sha256": "0" * 64, "level_matters": True, "curves": curves}
    return ModelCard("curved", "1", RATE, WINDOW, WINDOW, outputs, pieces=2, piece_distance=40, **more)  # type: ignore[arg-type]
