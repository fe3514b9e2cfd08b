"""Teacher of the tests: its embedding is three weighted sums of half a second at 8 kHz, its tags two sums of those."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def write(path: Path) -> np.ndarray:
    """Write a teacher at ``path``, its card beside it, and return the weights of its embedding, [4000, 3]."""
    import onnx

    helper, numpy_helper, single = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    sizes = {"waveform": 4000, "tags": 2, "embedding": 3}
    generator = np.random.default_rng(3)
    project = generator.standard_normal((4000, 3)).astype(np.float32) / 10
    mix = generator.standard_normal((3, 2)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["waveform", "project"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "mix"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["tags"]),
    ]
    ends = {name: helper.make_tensor_value_info(name, single, ["n", size]) for name, size in sizes.items()}
    weights = [numpy_helper.from_array(project, "project"), numpy_helper.from_array(mix, "mix")]
    graph = helper.make_graph(nodes, "teacher", [ends["waveform"]], [ends["tags"], ends["embedding"]], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    card = {
        "name": "sums",
        "input": {"sample_rate": 8000, "samples": 4000},
        "outputs": {"tags": [2, "probabilities"], "embedding": [3, "sums"]},
        "labels": ["high", "low"],
        "source_and_licence": "made by a test",
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return project
