"""TensorFlow checkpoints read without TensorFlow.

A checkpoint is two files. ``.index`` is a LevelDB table whose keys are the names of variables and whose values are
messages ``BundleEntryProto`` (tensorflow/core/protobuf/tensor_bundle.proto); ``.data-00000-of-00001`` holds their
numbers, little-endian, one variable after another.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

MAGIC = 0xDB4775248B80FB57
"""Number that ends every LevelDB table."""
FOOTER, BLOCK_TAIL = 48, 5
"""Bytes of the footer, and of the tail behind each block: its compression and a checksum."""
FLOAT = 1
"""Number of TensorFlow's type ``DT_FLOAT``."""

Weights = dict[str, npt.NDArray[np.float32]]


def read_checkpoint(index: bytes, data: bytes) -> Weights:
    """Float32 variables of a checkpoint by name; others are left out.

    Args:
        index: content of the file ``.index``.
        data: content of the one data file, ``.data-00000-of-00001``.

    Raises:
        InputError: the checkpoint is damaged, compressed or of several data files.
    """
    try:
        return {name: values for name, message in _table(index) if (values := _variable(message, data)) is not None}
    except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"the checkpoint is damaged: {error}") from error


def _table(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Keys and values of a LevelDB table, the nameless header of a bundle left out."""
    if len(content) < FOOTER or struct.unpack("<Q", content[-8:])[0] != MAGIC:
        raise InputError("the checkpoint's index is no LevelDB table: a whole file `.index` was expected")
    footer = content[-FOOTER:]
    _, at = _handle(footer, 0)
    place, _ = _handle(footer, at)
    for _, handle in _block(content, place):
        for key, value in _block(content, _handle(handle, 0)[0]):
            if key:
                yield key.decode(), value


def _handle(content: bytes, at: int) -> tuple[slice, int]:
    """Place of a block, and the end of its description."""
    offset, at = _varint(content, at)
    size, at = _varint(content, at)
    return slice(offset, offset + size), at


def _block(content: bytes, place: slice) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; each key is stored with the length that it shares with the one before."""
    block, tail = content[place], content[place.stop : place.stop + BLOCK_TAIL]
    if len(tail) < BLOCK_TAIL or tail[0]:
        raise InputError("the checkpoint's index is cut or compressed: TensorFlow writes it plain")
    restarts = struct.unpack("<I", block[-4:])[0]
    key, at, end = b"", 0, len(block) - 4 * (restarts + 1)
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        size, at = _varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + size]
        at += size


def _variable(message: bytes, data: bytes) -> npt.NDArray[np.float32] | None:
    """Values of the variable that a ``BundleEntryProto`` describes; None if they are not float32."""
    numbers, messages = _fields(message)
    if numbers.get(1) != FLOAT:
        return None
    if numbers.get(3, 0):
        raise InputError("the checkpoint has several data files: one was expected")
    shape = [_fields(size)[0].get(1, 0) for shape in messages.get(2, []) for size in _fields(shape)[1].get(2, [])]
    offset, size = numbers.get(4, 0), numbers.get(5, 0)
    return np.frombuffer(data[offset : offset + size], "<f4").reshape(shape)


def _fields(message: bytes) -> tuple[dict[int, int], dict[int, list[bytes]]]:
    """Numbers, and texts or messages, of a protocol buffer by field; numbers of fixed width are skipped."""
    numbers: dict[int, int] = {}
    messages: dict[int, list[bytes]] = {}
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            numbers[field], at = _varint(message, at)
        elif kind == 2:
            size, at = _varint(message, at)
            messages.setdefault(field, []).append(message[at : at + size])
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
    return numbers, messages


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Number of seven bits a byte, the lowest first, and its end."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def need(weights: Mapping[str, npt.NDArray[np.float32]], name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Variable of a given shape.

    Raises:
        InputError: the variable is missing or of another shape.
    """
    found = weights.get(name)
    if found is None or found.shape != shape:
        raise InputError(f"the checkpoint has no {name} of shape {shape}: it holds another network")
    return found
