"""Vectors of each track of a catalog (pooled, first and last window) in a file mapped into memory.

The file is hidden in the catalog's folder and written again when its parts change. It takes 10 D bytes a track.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.search.arrays import ArrayWriter, open_arrays
from musicfeat.catalog.search.rows import audible
from musicfeat.catalog.search.space import Floats, Space, space_of
from musicfeat.catalog.tracks import Tracks
from musicfeat.errors import CatalogError
from musicfeat.files import temporary_folder

FILE = ".tracks.arrays"
BLOCK = 8192
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Pooled:
    """Vectors of T tracks with D values each; zeros for silent tracks."""

    space: Space
    embedding: Floats
    """[T, D] pooled embeddings of the model."""
    unit: Halves
    """[T, D] pooled embeddings as unit vectors of the catalog's space."""
    first: Halves
    last: Halves
    """[T, D] unit vectors of the first and the last window with sound."""


def pooled(tracks: Tracks) -> Pooled:
    """Vectors of a catalog's tracks, computed if their file is missing, damaged or out of date.

    Raises:
        CatalogError: a part is damaged, or the catalog was rewritten meanwhile.
    """
    path = tracks.catalog.folder / FILE
    arrays = _held(path, tracks) or _made(path, tracks)
    space = Space(np.array(arrays["matrix"]))
    return Pooled(space, *(arrays[name] for name in ("embedding", "unit", "first", "last")))


def _held(path: Path, tracks: Tracks) -> dict[str, Any] | None:
    try:
        facts, arrays = open_arrays(path)
    except (FileNotFoundError, CatalogError):
        return None
    return arrays if facts == {"parts": tracks.identity} else None


def _made(path: Path, tracks: Tracks) -> dict[str, Any]:
    """Write the file and open it, in a temporary folder if the catalog is read-only."""
    try:
        _write(path, tracks)
        return open_arrays(path)[1]
    except OSError:
        with temporary_folder() as folder:
            _write(Path(folder) / FILE, tracks)
            return open_arrays(Path(folder) / FILE)[1]  # a mapped file stays readable after its name is removed


def _write(path: Path, tracks: Tracks) -> None:
    catalog, shape = tracks.catalog, (len(tracks), tracks.catalog.settings.dimension)
    space = space_of(catalog)
    with ArrayWriter(path) as writer:
        embedding = writer.reserve("embedding", shape, np.float32)
        unit, first, last = (writer.reserve(name, shape, np.float16) for name in ("unit", "first", "last"))
        earliest, latest = np.full(shape[0], np.inf), np.full(shape[0], -np.inf)
        for batch, vectors in audible(catalog, catalog.parts, ["path", "start", "weight"]):
            track, begins = _segments(batch.column("path").to_pylist(), tracks)
            start, weight = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("start", "weight"))
            np.add.at(embedding, track, np.add.reduceat(vectors * weight[:, None], begins))
            ends = np.append(begins[1:], len(vectors)) - 1
            sooner, later = start[begins] < earliest[track], start[ends] > latest[track]
            first[track[sooner]] = space.unit(vectors[begins[sooner]])
            last[track[later]] = space.unit(vectors[ends[later]])
            np.minimum.at(earliest, track, start[begins])
            np.maximum.at(latest, track, start[ends])
        for begin in range(0, shape[0], BLOCK):
            some = slice(begin, begin + BLOCK)
            heard = embedding[some].any(axis=1)
            unit[some][heard] = space.unit(embedding[some][heard])
        writer.add("matrix", space.matrix)
        writer.finish({"parts": tracks.identity}, {})


def _segments(paths: list[str], tracks: Tracks) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Track of each run of rows with one path, and the row at which the run begins."""
    begins = [i for i, path in enumerate(paths) if i == 0 or path != paths[i - 1]]
    try:
        track = [tracks.numbers[paths[i]] for i in begins]
    except KeyError as error:
        raise CatalogError(f"{tracks.catalog.folder} was rewritten while it was read: try again") from error
    return np.array(track, np.intp), np.array(begins, np.intp)
