"""Weights stored in 16 bits and read in 32: fewer bytes, the same arithmetic, the same numbers to 1e-3.

A weight of a product becomes whole numbers of 16 bits and a scale for each of its outputs, which a cast and a
multiplication join again. ONNX Runtime does so once, when it loads the file: a window takes the time it took. Half
precision would store as little, but its 11 bits for every weight turn embeddings by 1e-2; 16 bits for the largest of
an output's weights by 1e-4. The spectrogram, the first convolutions and what is small stay as they are.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from musicfeat_export.graph import PRODUCTS, before_convolutions, first_convolutions, replace

LEAST_VALUES = 40000
"""Smaller weights are left: together they are few bytes, and the early ones among them are felt everywhere."""
LARGEST = 32767


def to_stored(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a single-precision model with the large weights of its products in 16 bits."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    graph = result.graph
    axes = _axes(graph)
    tensors, nodes = [], []
    for tensor in graph.initializer:
        if tensor.name not in axes or np.prod(tensor.dims) < LEAST_VALUES or tensor.data_type != TensorProto.FLOAT:
            tensors.append(tensor)
            continue
        tensors += _stored(tensor, axes[tensor.name])
        nodes += _read(tensor.name)
    replace(graph.initializer, tensors)
    replace(graph.node, [*nodes, *graph.node])
    return result


def _axes(graph: onnx.GraphProto) -> dict[str, int]:
    """The axis of outputs of each weight that only products read, all along the same axis."""
    kept = before_convolutions(graph) | first_convolutions(graph)
    found: dict[str, set[int | None]] = defaultdict(set)
    for node in graph.node:
        for place, name in enumerate(node.input):
            is_weight = node.op_type in PRODUCTS and place == 1 and node.name not in kept
            found[name].add(_axis(node) if is_weight else None)
    return {name: axis for name, (axis, *others) in found.items() if axis is not None and not others}


def _axis(node: onnx.NodeProto) -> int:
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else -1


def _stored(tensor: onnx.TensorProto, axis: int) -> list[onnx.TensorProto]:
    values = numpy_helper.to_array(tensor)
    scale = _scale(values, axis % values.ndim)
    whole = np.round(values / scale).astype(np.int16)
    return [
        numpy_helper.from_array(whole, f"{tensor.name}.whole"),
        numpy_helper.from_array(scale, f"{tensor.name}.scale"),
    ]


def _scale(values: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    """One step of the whole numbers, for each output; a power of two would waste bits, zero divide by zero."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.abs(values).max(axis=others, keepdims=True) / LARGEST
    return np.where(scale > 0, scale, 1.0).astype(np.float32)


def _read(name: str) -> list[onnx.NodeProto]:
    cast = helper.make_node("Cast", [f"{name}.whole"], [f"{name}.cast"], f"cast_{name}", to=TensorProto.FLOAT)
    return [cast, helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name], f"scale_{name}")]
