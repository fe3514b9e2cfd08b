"""WAV files whose writer died before writing their length, or whose length does not fit into 32 bits."""

from __future__ import annotations

import io
from typing import BinaryIO

from musicfeat.sound.arguments import Source

LARGEST = 0xFFFFFFFF
"""Largest size that 32 bits hold; libsndfile takes it to mean the end of the file."""


def mended(source: Source) -> BinaryIO | None:
    """The file with corrected sizes; None if they are right already, or the file is no WAV."""
    with source.open() as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        place = _data_chunk(file, source.size)
        if place is None:
            return None
        file.seek(place + 4)
        declared, there = int.from_bytes(file.read(4), "little"), source.size - place - 8
        wrapped = there > LARGEST and (there - declared) % (LARGEST + 1) < 1 << 16
        if there <= 0 or not (wrapped or (declared == 0 and not _chunks_follow(file, place + 8, source.size))):
            return None
    sizes = {4: min(source.size - 8, LARGEST), place + 4: min(there, LARGEST)}
    return io.BufferedReader(_Patched(source.open(), {at: size.to_bytes(4, "little") for at, size in sizes.items()}))


def _data_chunk(file: BinaryIO, size: int) -> int | None:
    place = 12
    while place + 8 <= size:
        file.seek(place)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if name == b"data":
            return place
        place += 8 + length + length % 2
    return None


def _chunks_follow(file: BinaryIO, place: int, size: int) -> bool:
    """True if the bytes from ``place`` to the end of the file form a chain of chunks, and so are no sound."""
    while place + 8 <= size:
        file.seek(place)
        name, length = file.read(4), int.from_bytes(file.read(4), "little")
        if not (name.isascii() and name.decode("ascii").isprintable()) or place + 8 + length > size:
            return False
        place += 8 + length + length % 2
    return True


class _Patched(io.RawIOBase):
    """A file that reads as if a few of its bytes were changed."""

    def __init__(self, file: BinaryIO, patches: dict[int, bytes]) -> None:
        self._file, self._patches = file, patches

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = self._file.tell()
        data = bytearray(self._file.read(len(buffer)))
        for place, patch in self._patches.items():
            for i, byte in enumerate(patch, place - begin):
                if 0 <= i < len(data):
                    data[i] = byte
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
