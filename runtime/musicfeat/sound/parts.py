"""A part of a file as a file of its own, behind bytes in memory."""

from __future__ import annotations

import io
from typing import BinaryIO


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
