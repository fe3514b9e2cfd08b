"""Arguments as Python's own numbers and as recordings' bytes, whatever library they come from."""

from __future__ import annotations

import io
import math
import numbers
import os
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from musicfeat.errors import AudioError, InputError

PathLike: TypeAlias = str | os.PathLike[str]


def real(value: object) -> float | None:
    """A finite number, also one of numpy's, as a float; None if it is none, or a truth value."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """A whole number, also one of numpy's, as an int; None if it is none, or a truth value."""
    return int(value) if isinstance(value, numbers.Integral) and not isinstance(value, bool) else None


class Source:
    """A recording's bytes: a file on disk, or what an open file held.

    Args:
        path: of a file on disk, or what to call the bytes in messages.
        data: the bytes; None to read the file.
    """

    def __init__(self, path: Path, data: bytes | None = None) -> None:
        self.path, self._data = path, data

    def __str__(self) -> str:
        return str(self.path)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size if self._data is None else len(self._data)

    def open(self) -> BinaryIO:
        """A file of its own, at the beginning."""
        return open(self.path, "rb") if self._data is None else io.BytesIO(self._data)

    def for_libsndfile(self) -> Any:
        """What soundfile opens: bytes, because it cannot encode names that are not valid Unicode."""
        if self._data is not None:
            return self.open()
        return os.fspath(self.path) if os.name == "nt" else os.fsencode(self.path)

    def for_ffmpeg(self) -> Any:
        """What PyAV opens: with its protocol, because FFmpeg would take one from a name like "Sonata: Allegro.m4a"."""
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
            with self.open():
                pass
        except (OSError, ValueError) as error:
            raise AudioError(f"{self} cannot be opened: {error}") from error


def is_source(audio: object) -> bool:
    """Whether an argument names or is a file, and not an array."""
    return isinstance(audio, (str, bytes, os.PathLike)) or hasattr(audio, "read")


def source_of(audio: Any) -> Source:
    """A path, also as bytes, or an open file, which is read from where it stands to its end.

    Raises:
        InputError: it is none, or a file opened as text.
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
    """The path of an argument that is one."""
    return os.fsdecode(audio) if isinstance(audio, (str, bytes, os.PathLike)) else None
