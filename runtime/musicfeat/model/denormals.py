"""Weights too small for float32's normal numbers, set to zero when a model is loaded.

Some CPUs multiply such numbers sixty times slower. ONNX Runtime's own switch would change the arithmetic of the thread
that runs a session, and so of the program around it; its weights can be changed without that. Tensors are found as in
``pruning``: initializers are fields 5 of a graph, the tensors and graphs of a node stand in its attributes, and a
tensor's float32 values in its field 4 or 9.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from musicfeat.model.pruning import GRAPH, NODE, fields

INITIALIZER, ATTRIBUTE, TENSOR, SUBGRAPH = 5, 5, 5, 6
FLOATS, RAW = 4, 9
IS_FLOAT = b"\x10\x01"
"""A tensor's field 2, its type, for float32."""
SMALLEST = np.finfo(np.float32).tiny


def flushed(model: bytes) -> bytes:
    """A serialised ONNX model whose float32 weights are zero or normal; the same bytes if they are already.

    Weights in files beside the model are not looked at.

    Raises:
        ModelError: the bytes are not a serialised model.
    """
    if not any(_denormal(weights).any() for weights in _weights(memoryview(model))):
        return model
    copy = bytearray(model)
    for weights in _weights(memoryview(copy)):
        weights[_denormal(weights)] = 0
    return bytes(copy)


def _denormal(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    return (weights != 0) & (np.abs(weights) < SMALLEST)


def _weights(model: memoryview) -> Iterator[npt.NDArray[np.float32]]:
    """The float32 values of each tensor, as views of the model's bytes."""
    for number, _, content in fields(model):
        if number == GRAPH and content is not None:
            yield from _of_graph(content)


def _of_graph(graph: memoryview) -> Iterator[npt.NDArray[np.float32]]:
    for number, _, content in fields(graph):
        if content is not None and number == INITIALIZER:
            yield from _of_tensor(content)
        elif content is not None and number == NODE:
            attributes = (attribute for field, _, attribute in fields(content) if field == ATTRIBUTE and attribute)
            for field, _, value in (entry for attribute in attributes for entry in fields(attribute)):
                if value and field in (TENSOR, SUBGRAPH):
                    yield from (_of_tensor if field == TENSOR else _of_graph)(value)


def _of_tensor(tensor: memoryview) -> Iterator[npt.NDArray[np.float32]]:
    parts = list(fields(tensor))
    if any(whole == IS_FLOAT for _, whole, _ in parts):
        for number, _, content in parts:
            if content and number in (FLOATS, RAW) and len(content) % 4 == 0:
                yield np.frombuffer(content, "<f4")
