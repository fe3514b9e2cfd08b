"""WAV files with wrong sizes, and W64 files with chunks behind the sound, which libsndfile plays as sound.

Wrong sizes come from writers that died before they wrote them, from lengths that do not fit into 32 bits, and from
chunks of odd length without the byte that should pad them.
"""

from __future__ import annotations

from typing import BinaryIO

from musicfeat.sound.arguments import Source
from musicfeat.sound.parts import part

LARGEST = 0xFFFFFFFF
"""Largest size that 32 bits hold; libsndfile takes it to mean the end of the file."""
NAMES = (b"data", b"fmt ", b"LIST", b"fact", b"bext", b"iXML", b"id3 ")
"""Chunks that may follow one of odd length that was not padded."""


def mended(source: Source) -> BinaryIO | None:
    """The file with corrected sizes; None if nothing needs to be corrected."""
    head = source.head
    if head[:4] == b"riff":
        return _sound_alone(source)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    with source.open() as file:
        chunks, shifted = _chunks(file, source.size)
        place = chunks.get(b"data")
        if place is None or b"fmt " not in chunks:
            return None
        there = source.size - place - 8
        declared = _declared(file, place, chunks.get(b"ds64"))
        wrapped = there > LARGEST and head[:4] == b"RIFF" and (there - declared) % (LARGEST + 1) < 1 << 16
        unclosed = declared == 0 and there > 0 and not _chunks_follow(file, place + 8, source.size)
        if not (wrapped or unclosed or shifted):
            return None
        form = _at(file, chunks[b"fmt "], 8 + _length(file, chunks[b"fmt "]))
    body = b"WAVE" + form + bytes(len(form) % 2) + b"data"
    size = min(there, LARGEST) if wrapped or unclosed else declared
    sizes = [min(number, LARGEST).to_bytes(4, "little") for number in (len(body) + 4 + size, size)]
    return part(source.open(), place + 8, source.size, b"RIFF" + sizes[0] + body + sizes[1])


def _sound_alone(source: Source) -> BinaryIO | None:
    """A W64 (Sony Wave64) file without what is behind its sound; None if nothing is."""
    place = 40
    with source.open() as file:
        while place + 24 <= source.size:
            name, size = _at(file, place, 4), int.from_bytes(_at(file, place + 16, 8), "little")
            end = place + size
            if name == b"data" and end < source.size:
                return part(source.open(), 24, end, _at(file, 0, 16) + end.to_bytes(8, "little"))
            if name == b"data" or size < 24:
                break
            place = end + -end % 8
    return None


def _chunks(file: BinaryIO, size: int) -> tuple[dict[bytes, int], bool]:
    """Places of the chunks up to the sound, by name, and whether any stands where no padded file would have it."""
    chunks, shifted, place = dict[bytes, int](), False, 12
    while place + 8 <= size and b"data" not in chunks:
        name, length = _at(file, place, 4), _length(file, place)
        chunks.setdefault(name, place)
        place += 8 + length
        bare = length % 2 == 1 and _at(file, place, 4) in NAMES
        place += length % 2 if not bare else 0
        shifted = shifted or (bare and name != b"data")
    return chunks, shifted


def _declared(file: BinaryIO, data: int, ds64: int | None) -> int:
    """Bytes of sound that the header declares; EBU Tech 3306 has them in a chunk of its own above 32 bits."""
    declared = _length(file, data)
    if ds64 is None or declared != LARGEST:
        return declared
    return int.from_bytes(_at(file, ds64 + 16, 8), "little")


def _chunks_follow(file: BinaryIO, place: int, size: int) -> bool:
    """True if the bytes from ``place`` to the end of the file form a chain of chunks, and so are no sound."""
    while place + 8 <= size:
        name, length = _at(file, place, 4), _length(file, place)
        if not (name.isascii() and name.decode("ascii").isprintable()) or place + 8 + length > size:
            return False
        place += 8 + length + length % 2
    return True


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _length(file: BinaryIO, place: int) -> int:
    return int.from_bytes(_at(file, place + 4, 4), "little")
