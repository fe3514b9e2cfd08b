"""ONNX graphs, written down operation by operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

OPSET, IR = 17, 8
"""Versions of operators and of the format that every runtime of the last years reads."""
TINY = np.finfo(np.float32).tiny
Constant = npt.NDArray[np.generic] | float


class Graph:
    """Operations and constants in the order in which they were added.

    Raises:
        InputError: the package `onnx` is missing.
    """

    def __init__(self) -> None:
        try:
            import onnx
        except ImportError as error:
            raise InputError("writing ONNX files needs the package onnx: pip install 'musicfeat[export]'") from error
        self._onnx = onnx
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def op(self, kind: str, *inputs: str | Constant, output: str = "", **settings: Any) -> str:
        """Add an operation and return the name of its result.

        Args:
            kind: name of an ONNX operator with one output.
            inputs: names of results, or constants, which are stored in single precision (whole numbers as such).
            output: name of the result, if it matters.
            settings: attributes of the operation.
        """
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        output = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, names, [output], **settings))
        return output

    def add(self, kind: str, value: str, axes: Sequence[int]) -> str:
        """Add an operation whose axes are an input: Squeeze or Unsqueeze."""
        return self.op(kind, value, np.array(axes, np.int64))

    def _constant(self, value: Constant) -> str:
        """Name of a constant; numbers too small for a normal float become zeros, as they slow a CPU down very much."""
        values = np.asarray(value)
        if values.dtype != np.int64:
            values = values.astype(np.float32)
            values = np.where(np.abs(values) < TINY, np.float32(0), values)
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def model(self, name: str, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]) -> ModelProto:
        """Graph as a checked model; shapes are given without the batch, their first axis."""
        helper, checker = self._onnx.helper, self._onnx.checker
        ends = [
            [helper.make_tensor_value_info(end, self._onnx.TensorProto.FLOAT, ["batch", *shape]) for end, shape in kind]
            for kind in (inputs.items(), outputs.items())
        ]
        graph = helper.make_graph(self._nodes, name, *ends, initializer=self._constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR, producer_name="musicfeat")
        checker.check_model(model, full_check=True)
        return model
