"""Named arrays in one file, mapped into memory, so that only the needed parts of a large index are read.

The file holds the arrays, each at a multiple of 64 bytes; a JSON text with their places and the writer's facts; its
digest, its length and a signature. These reveal a file that was cut off or overwritten. The bytes of the arrays are
trusted, because reading them all takes longer than a search.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from musicfeat.errors import CatalogError

SIGNATURE = b"musicfeat-arrays"
DIGEST = 16
ALIGNMENT = 64
Array = npt.NDArray[Any]


class ArrayWriter:
    """Writer of a file under a temporary name; the file appears whole, or not at all.

    Args:
        path: the file to write; ``finish`` replaces an existing one.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, path.with_name(f".{path.name}.tmp")
        self._places: dict[str, tuple[str, list[int], int]] = {}
        self._end = 0
        self._temporary.write_bytes(b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.unlink(missing_ok=True)

    def reserve(self, name: str, shape: tuple[int, ...], kind: npt.DTypeLike) -> Array:
        """A new array of the file, to be filled by the caller."""
        dtype = np.dtype(kind)
        self._places[name] = dtype.str, list(shape), self._end
        size = math.prod(shape) * dtype.itemsize
        self._end += -(-(size or 1) // ALIGNMENT) * ALIGNMENT
        os.truncate(self._temporary, self._end)
        return _mapped(self._temporary, self._places[name], "r+")

    def add(self, name: str, values: Array) -> None:
        """Add an array with its values."""
        self.reserve(name, values.shape, values.dtype)[...] = values

    def finish(self, facts: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Complete the file and move it to its path.

        Args:
            facts: any JSON, returned by ``open_arrays``.
            shapes: final shapes of arrays that are shorter than reserved.
        """
        for name, shape in shapes.items():
            kind, _, start = self._places[name]
            self._places[name] = kind, list(shape), start
        text = json.dumps({"arrays": self._places, "facts": facts}).encode()
        ending = text + _digest(text) + len(text).to_bytes(8, "little") + SIGNATURE
        with self._temporary.open("r+b") as file:
            file.seek(self._end)
            file.write(ending)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._temporary, self._path)


def open_arrays(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """The facts and the arrays of a file.

    Raises:
        CatalogError: the file is damaged or of another kind.
        FileNotFoundError: the file does not exist.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            ending = DIGEST + 8 + len(SIGNATURE)
            file.seek(max(0, size - ending))
            tail = file.read()
            length = int.from_bytes(tail[DIGEST : DIGEST + 8], "little")
            if not tail.endswith(SIGNATURE) or length + ending > size:
                raise CatalogError(f"{path} is damaged or was not written to its end")
            file.seek(size - ending - length)
            text = file.read(length)
        if _digest(text) != tail[:DIGEST]:
            raise CatalogError(f"{path} is damaged: its table of contents does not match its digest")
        held = json.loads(text)
        return held["facts"], {name: _mapped(path, place, "r") for name, place in held["arrays"].items()}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogError(f"{path} is damaged: {error}") from error


def _mapped(path: Path, place: tuple[str, list[int], int], mode: Any) -> Array:
    kind, shape, start = place
    if not math.prod(shape):
        return np.empty(tuple(shape), kind)  # an empty file cannot be mapped
    return np.asarray(np.memmap(path, kind, mode, start, tuple(shape)))


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=DIGEST).digest()
