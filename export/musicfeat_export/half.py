"""Conversion of a graph to half precision, for GPUs and TensorRT's strongly typed networks.

The spectrogram stays in single precision (powers span far more than half precision's range), and so do all nodes
after the last product: sums and probabilities. Every tensor between them is float16. Where a tensor crosses a border,
one cast makes its other version. Input and outputs keep their types.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from musicfeat.errors import ModelError
from musicfeat_export.graph import after_products, before_convolutions, replace

SINGLE, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def to_half(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a single-precision model whose middle computes in float16.

    Raises:
        ModelError: a weight exceeds the range of float16.
    """
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    graph = result.graph
    graph.ClearField("value_info")
    rewriter = _Rewriter(graph, _singles(proto))
    replace(graph.node, rewriter.nodes(graph))
    replace(graph.initializer, rewriter.weights(graph))
    return result


class _Rewriter:
    """A rewriter with two versions of tensors: ``name`` in single precision, ``name.half`` in half."""

    def __init__(self, graph: onnx.GraphProto, singles: set[str]) -> None:
        self._singles = singles
        self._float32 = before_convolutions(graph) | after_products(graph)
        self._read: dict[str, set[bool]] = defaultdict(set)
        for node in graph.node:
            for name in node.input:
                self._read[name].add(self._half(node))
        for value in graph.output:
            self._read[value.name].add(False)

    def nodes(self, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
        """All nodes, each followed by the casts of its outputs."""
        for value in graph.input:
            yield from self._casts(value.name, given=False)
        for node in graph.node:
            half, changed = self._half(node), onnx.NodeProto()
            changed.CopyFrom(node)
            changed.input[:] = [self._version(name, half) for name in node.input]
            changed.output[:] = [self._version(name, half) for name in node.output]
            if half and node.op_type == "Cast":
                for attribute in changed.attribute:
                    attribute.i = HALF if attribute.i == SINGLE else attribute.i
            yield changed
            for name in node.output:
                yield from self._casts(name, given=half)

    def weights(self, graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
        """All weights, in the versions that nodes read."""
        for tensor in graph.initializer:
            for half in sorted(self._read[tensor.name]) if self._is(tensor.name) else [False]:
                yield _halved(tensor, self._version(tensor.name, True)) if half else tensor

    def _casts(self, name: str, *, given: bool) -> Iterator[onnx.NodeProto]:
        for half in self._read[name] - {given} if self._is(name) else ():
            versions = self._version(name, given), self._version(name, half)
            yield helper.make_node(
                "Cast", [versions[0]], [versions[1]], f"cast_{versions[1]}", to=HALF if half else SINGLE
            )

    def _half(self, node: onnx.NodeProto) -> bool:
        return node.name not in self._float32

    def _is(self, name: str) -> bool:
        return name in self._singles

    def _version(self, name: str, half: bool) -> str:
        return f"{name}.half" if half and self._is(name) else name


def _singles(proto: onnx.ModelProto) -> set[str]:
    """Names of all tensors in single precision."""
    graph = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    names = {value.name for value in values if value.type.tensor_type.elem_type == SINGLE}
    return names | {tensor.name for tensor in graph.initializer if tensor.data_type == SINGLE}


def _halved(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    values = numpy_helper.to_array(tensor)
    if np.abs(values[np.isfinite(values)]).max(initial=0) > np.finfo(np.float16).max:
        raise ModelError(f"weight {tensor.name!r} is beyond what half precision holds: keep this model in fp32")
    return numpy_helper.from_array(values.astype(np.float16), name)
