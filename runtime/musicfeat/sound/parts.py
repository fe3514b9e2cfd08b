"""A part of a file as a file of its own, also behind bytes in memory."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import Any, BinaryIO

from musicfeat.sound.arguments import Source


class _Part(io.RawIOBase):
    def __init__(self, head: bytes, file: BinaryIO, begin: int, end: int) -> None:
        self._head, self._file, self._begin = head, file, begin
        self._place, self._size = 0, len(head) + max(0, end - begin)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._place < len(self._head):
            data = self._head[self._place : self._place + len(buffer)]
        else:
            self._file.seek(self._begin + self._place - len(self._head))
            data = self._file.read(max(0, min(len(buffer), self._size - self._place)))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def part(file: BinaryIO, begin: int, end: int, head: bytes = b"") -> BinaryIO:
    """The bytes ``head`` and then those from ``begin`` to ``end`` of an open file, which is closed with the part."""
    return io.BufferedReader(_Part(head, file, begin, end))


class SourcePart(Source):
    """One of several recordings in a file."""

    def __init__(self, whole: Source, begin: int, end: int, name: str) -> None:
        super().__init__(whole.path)
        self._whole, self._begin, self._end, self._name = whole, begin, end, name

    def __str__(self) -> str:
        return f"{self._whole} ({self._name})"

    @cached_property
    def size(self) -> int:
        return self._end - self._begin

    def open(self) -> BinaryIO:
        return part(self._whole.open(), self._begin, self._end)

    def mapped(self) -> bytes:
        return self._whole.mapped()[self._begin : self._end]

    def for_libsndfile(self) -> Any:
        return self.open()

    def for_ffmpeg(self) -> Any:
        return self.open()


def parts(source: Source, starts: Sequence[int]) -> list[SourcePart]:
    """A source cut at the offsets at which its recordings begin; empty if there is only one."""
    if len(starts) < 2:
        return []
    ends = enumerate(itertools.pairwise([*starts, source.size]), 1)
    return [SourcePart(source, begin, end, f"recording {number} of {len(starts)}") for number, (begin, end) in ends]
