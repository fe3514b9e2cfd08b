"""Contents of a graph: operators, parameters, multiplications."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx

from musicfeat_export.graph import before_convolutions, with_batch


@dataclass(frozen=True)
class Profile:
    """Facts that need no run of the model."""

    opset: int
    operators: dict[str, int]
    """Count of each operator in the graph, most frequent first."""
    parameters: int
    """Numbers in all weights and constants, those of the spectrogram included."""
    macs: int
    """Multiply-accumulates of convolutions and matrix products for one window."""
    frontend_macs: int
    """The share of ``macs`` before the first convolution: the spectrogram's."""
    file_bytes: int


def profile(path: Path) -> Profile:
    """Read a model file's facts."""
    proto = onnx.load(path)
    operators = Counter(node.op_type for node in proto.graph.node)
    total, before = macs(proto)
    return Profile(
        opset=proto.opset_import[0].version,
        operators=dict(operators.most_common()),
        parameters=sum(prod(tensor.dims) for tensor in proto.graph.initializer),
        macs=total,
        frontend_macs=before,
        file_bytes=path.stat().st_size,
    )


def macs(proto: onnx.ModelProto) -> tuple[int, int]:
    """Multiply-accumulates of one window: all, and those before the first convolution."""
    graph = with_batch(proto, 1).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        shapes[value.name] = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
    frontend = before_convolutions(graph)
    counted = [
        (node.name in frontend, PRODUCT_MACS[node.op_type](node, shapes))
        for node in graph.node
        if node.op_type in PRODUCT_MACS
    ]
    return sum(count for _, count in counted), sum(count for inside, count in counted if inside)


Shapes = dict[str, list[int]]


def _convolution(node: onnx.NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])


def _product(node: onnx.NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: onnx.NodeProto, shapes: Shapes) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if transposed else 1]


PRODUCT_MACS: dict[str, Callable[[onnx.NodeProto, Shapes], int]] = {
    "Conv": _convolution,
    "MatMul": _product,
    "Gemm": _gemm,
}
