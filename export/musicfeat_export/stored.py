"""Weights stored in 16 bits and computed in 32: fewer bytes, the same arithmetic, values equal to 1e-3.

A product's weight becomes 16-bit integers, a scale per output and one per input, which a cast and multiplications join
again. ONNX Runtime folds them when it loads the file, so that a window takes the same time. Half precision would need
as few bytes, but its 11 bits per weight turn embeddings by 1e-2; 16 bits relative to the largest weight of an input and
an output turn them by 1e-4. The spectrogram, the first convolutions and small weights stay.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from musicfeat_export.graph import PRODUCTS, before_convolutions, first_convolutions, replace

LEAST_VALUES = 40000
"""Fewest values of a stored weight; smaller ones save few bytes, and errors in the early ones spread everywhere."""
LARGEST = 32767


def to_stored(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a single-precision model with the large weights of its products stored in 16 bits."""
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
    """The output axis of each weight that only products read, all along the same axis."""
    single = before_convolutions(graph) | first_convolutions(graph)
    found: dict[str, set[int | None]] = defaultdict(set)
    for node in graph.node:
        for place, name in enumerate(node.input):
            is_weight = node.op_type in PRODUCTS and place == 1 and node.name not in single
            found[name].add(_axis(node) if is_weight else None)
    return {name: axis for name, (axis, *others) in found.items() if axis is not None and not others}


def _axis(node: onnx.NodeProto) -> int:
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else -1


def _stored(tensor: onnx.TensorProto, axis: int) -> list[onnx.TensorProto]:
    values: npt.NDArray[np.float32] = numpy_helper.to_array(tensor).astype(np.float32)
    axis %= values.ndim
    inputs = _largest(values, 1 - axis)  # inputs of very different sizes have weights of very different sizes
    scale = _largest(values / inputs, axis) / LARGEST
    whole = np.round(values / inputs / scale).astype(np.int16)
    return [
        numpy_helper.from_array(whole, f"{tensor.name}.whole"),
        numpy_helper.from_array(scale.astype(np.float32), f"{tensor.name}.scale"),
        numpy_helper.from_array(inputs, f"{tensor.name}.inputs"),
    ]


def _largest(values: npt.NDArray[np.floating], axis: int) -> npt.NDArray[np.float32]:
    """The largest size of the weights at each place of an axis; 1 where all are zero."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values).max(axis=others, keepdims=True)
    return np.where(largest > 0, largest, 1.0).astype(np.float32)


def _read(name: str) -> list[onnx.NodeProto]:
    cast = helper.make_node("Cast", [f"{name}.whole"], [f"{name}.cast"], f"cast_{name}", to=TensorProto.FLOAT)
    scale = helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [f"{name}.scaled"], f"scale_{name}")
    return [cast, scale, helper.make_node("Mul", [f"{name}.scaled", f"{name}.inputs"], [name], f"inputs_{name}")]
