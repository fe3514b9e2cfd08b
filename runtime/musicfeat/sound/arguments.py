"""Arguments of any library's types, converted to Python's numbers or to a recording's bytes."""

from __future__ import annotations

import io
import math
import mmap
import numbers
import os
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from musicfeat.errors import AudioError, InputError

PathLike: TypeAlias = str | os.PathLike[str]


def real(value: object) -> float | None:
    """A finite number, including numpy's, as a float; None for anything else and for booleans."""
    value = _item(value)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """A whole number, including numpy's, as an int; None for anything else and for booleans."""
    value = _item(value)
    return int(value) if isinstance(value, numbers.Integral) and not isinstance(value, bool) else None


def _item(value: Any) -> Any:
    """The number in an array or a tensor without axes; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


class Source:
    """A recording's bytes: a file on disk, or the content of an open file.

    Args:
        path: path of a file on disk, or the name of the bytes in messages.
        data: the bytes; None to read the file.
    """

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        self.path, self._data = path, data

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def size(self) -> int:
        """Size in bytes."""
        return self.path.stat().st_size if self._data is None else len(self._data)

    @cached_property
    def head(self) -> bytes:
        """First 12 bytes."""
        with self.open() as file:
            return file.read(12)

    def open(self) -> BinaryIO:
        """A new file object at the beginning of the bytes."""
        return open(self.path, "rb") if self._data is None else io.BytesIO(self._data)

    def mapped(self) -> mmap.mmap | bytes:
        """All bytes; those of a file on disk are read when they are looked at."""
        if self._data is not None:
            return self._data
        with open(self.path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def for_libsndfile(self) -> Any:
        """The argument for soundfile: bytes, because it cannot encode names that are not valid Unicode."""
        if self._data is not None:
            return self.open()
        return os.fspath(self.path) if os.name == "nt" else os.fsencode(self.path)

    def for_ffmpeg(self) -> Any:
        """The argument for PyAV: a path with "file:", because FFmpeg reads a protocol in "Sonata: Allegro.m4a"."""
        return f"file:{self.path}" if self._data is None else self.open()

    def check(self) -> None:
        """Raise AudioError if there is nothing to read."""
        try:
            if self._data is None and self.path.is_dir():
                raise AudioError(f"{self} is a directory: pass a file")
            if self._data is None and not self.path.is_file():
                raise AudioError(f"{self} does not exist or is not a regular file")
            if self.size == 0:
                raise AudioError(f"{self} is empty (0 bytes)")
            _ = self.head  # read now, so that a file that cannot be read is told here
        except (OSError, ValueError) as error:
            raise AudioError(f"{self} cannot be opened: {error}") from error


def is_source(audio: object) -> bool:
    """True if an argument is a path or an open file, not an array."""
    return isinstance(audio, (str, bytes, os.PathLike)) or hasattr(audio, "read")


def source_of(audio: Any) -> Source:
    """The source of a path (text or bytes) or of an open file, read from its position to its end.

    Raises:
        InputError: the argument is neither, or a file opened as text.
    """
    if isinstance(audio, (str, bytes, os.PathLike)):
        return Source(Path(os.fsdecode(audio)))
    if not hasattr(audio, "read"):
        raise InputError(f"expected the path of a file or an open file, got {type(audio).__name__}")
    data = audio.read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InputError(f"a file must be opened in binary mode, as by open(path, 'rb'); its read() gave {type(data)}")
    name = getattr(audio, "name", None)
    return Source(Path(name if isinstance(name, str) else "an open file"), bytes(data))


def name_of(audio: Any) -> str | None:
    """The path, if the argument has one; else None."""
    return os.fsdecode(audio) if isinstance(audio, (str, bytes, os.PathLike)) else None
