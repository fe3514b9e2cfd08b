"""ONNX files cut down to the outputs asked for, and their metadata.

ONNX Runtime runs every node of a file, whichever outputs are fetched. The file is a protocol buffer: the graph
is its field 7, metadata_props its fields 14, nodes are fields 1 of the graph, outputs fields 12. Leaving out whole
fields and copying all other bytes needs no library.
"""

from __future__ import annotations

from collections.abc import Iterator

from musicfeat.errors import ModelError

GRAPH, METADATA, NODE, OUTPUT = 7, 14, 1, 12
NAME, NODE_INPUT, NODE_OUTPUT, KEY, VALUE = 1, 1, 2, 1, 2
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def keep_outputs(model: bytes, names: set[str]) -> bytes:
    """A copy of a serialised ONNX model with only the outputs in ``names`` and the nodes that they need.

    Raises:
        ModelError: the bytes are not a serialised model.
    """
    parts: list[bytes | memoryview] = []
    for number, whole, content in fields(memoryview(model)):
        if number == GRAPH and content is not None:
            graph = b"".join(_needed_fields(content, names))
            parts += [_varint(GRAPH << 3 | BYTES), _varint(len(graph)), graph]
        else:
            parts.append(whole)
    return b"".join(parts)


def metadata(model: bytes) -> dict[str, str]:
    """The metadata_props of a serialised ONNX model.

    Raises:
        ModelError: the bytes are not a serialised model.
    """
    pairs = {}
    for number, _, content in fields(memoryview(model)):
        if number == METADATA and content is not None:
            entry = {field: bytes(value or b"").decode(errors="replace") for field, _, value in fields(content)}
            pairs[entry.get(KEY, "")] = entry.get(VALUE, "")
    return pairs


def _needed_fields(graph: memoryview, names: set[str]) -> list[memoryview]:
    """The graph's fields without other outputs and the nodes that lead only to them; nodes are in order of use."""
    needed, chosen = set(names), []
    for number, whole, content in reversed(list(fields(graph))):
        if content is not None and number == NODE:
            if not needed & _strings(content, NODE_OUTPUT):
                continue
            needed |= _strings(content, NODE_INPUT)
        elif content is not None and number == OUTPUT and not names & _strings(content, NAME):
            continue
        chosen.append(whole)
    return chosen[::-1]


def _strings(message: memoryview, field: int) -> set[str]:
    """The values of a text field."""
    return {
        bytes(content).decode(errors="replace") for number, _, content in fields(message) if number == field and content
    }


def fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview | None]]:
    """Number, all bytes, and content (if length-delimited) of each field of a message."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        kind, content = key & 7, None
        if kind == BYTES:
            size, place = _read_varint(message, place)
            content, place = message[place : place + size], place + size
        elif kind == VARINT:
            _, place = _read_varint(message, place)
        elif kind in (FIXED32, FIXED64):
            place += 4 if kind == FIXED32 else 8
        else:
            raise ModelError(f"not an ONNX model: field of unknown kind {kind} at byte {start}")
        if place > len(message):
            raise ModelError("not an ONNX model, or cut short: a field reaches beyond the end")
        yield key >> 3, message[start:place], content


def _read_varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ModelError("not an ONNX model, or cut short: a number does not end")


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
