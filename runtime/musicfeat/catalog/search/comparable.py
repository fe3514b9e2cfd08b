"""Tracks of a catalog that can be compared: audible, with files unchanged since they were embedded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.alignment import Aligned, aligned
from musicfeat.catalog.search.rows import audible
from musicfeat.catalog.search.space import Floats, Space, space_of
from musicfeat.catalog.workers.file_state import state

OF_FILE = ("path", "sha256", "size", "mtime", "sample_rate")
OF_WINDOW = ("window", "start", "end", "weight")


@dataclass(frozen=True)
class Track:
    """Facts of a track, without its vectors."""

    path: str
    sha256: str
    size: int
    """Size in bytes."""
    sample_rate: int
    """Sample rate in Hz."""
    length: float
    """Length in seconds."""
    windows: slice = field(default_factory=lambda: slice(0))
    """Its rows among the windows of all tracks."""
    file: tuple[int, int] = (0, 0)
    """Device and inode of the file on disk, equal for all names of one file."""


class Comparables:
    """All tracks of a catalog that can be compared, with their vectors in temporary files mapped into memory.

    Args:
        catalog: the catalog to read.
        folder: folder of the temporary files, which hold the embeddings in half precision, pooled ones in single.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.tracks: list[Track] = []
        self.away: list[str] = []
        """Paths of files left out because they are gone or were changed since they were embedded."""
        self._hop = catalog.settings.hop
        rows = 0
        with (folder / "units").open("wb") as units, (folder / "pooled").open("wb") as pooled:
            for track, unchanged, windows, mean in _read(catalog, space_of(catalog)):
                file = _file(track.path) if unchanged else None
                if file is None:
                    self.away.append(track.path)
                    continue
                units.write(windows.astype(np.float16).tobytes())
                pooled.write(mean.tobytes())
                self.tracks.append(replace(track, windows=slice(rows, rows + len(windows)), file=file))
                rows += len(windows)
        self._units = _map(folder / "units", np.float16, (rows, catalog.settings.dimension))
        self.pooled = _map(folder / "pooled", np.float32, (len(self.tracks), catalog.settings.dimension))

    def compare(self, first: int, second: int) -> Aligned:
        """The best alignment of two tracks; in a catalog of tracks, the cosine of their pooled embeddings."""
        return aligned(self._windows(first), self._windows(second), self._hop)

    def files(self) -> list[int]:
        """A track for each file on disk; if a file has several names, one that is no link is preferred."""
        ranked = sorted(range(len(self.tracks)), key=lambda number: _rank_of_name(self.tracks[number].path))
        first = dict[tuple[int, int], int]()
        for number in ranked:
            first.setdefault(self.tracks[number].file, number)
        return sorted(first.values())

    def _windows(self, number: int) -> Floats:
        return self._units[self.tracks[number].windows].astype(np.float32)


def _rank_of_name(path: str) -> tuple[bool, str]:
    return os.path.realpath(path) != path, path


def _file(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _read(catalog: Catalog, space: Space) -> Iterator[tuple[Track, bool, Floats, Floats]]:
    """Each track, True if its file is unchanged, [windows, D] unit vectors and the [D] pooled unit vector.

    Windows are in the row of their number, silent ones as zeros; a shorter last one counts only if it is the only one.
    """
    for (text, sha256, size, changed, rate), group in groupby(_rows(catalog), key=lambda row: row[0]):
        rows = [row[1] for row in group]
        embeddings = np.stack([row[4] for row in rows])
        mean = np.array([row[3] for row in rows], np.float32) @ embeddings
        span = max(row[2] - row[1] for row in rows)
        whole = [i for i, row in enumerate(rows) if row[2] - row[1] > span - 1e-3]
        windows = np.zeros((rows[whole[-1]][0] + 1, len(mean)), np.float32)
        windows[[rows[i][0] for i in whole]] = space.unit(embeddings[whole])
        track = Track(to_path(text), sha256, size, rate, rows[-1][2])
        yield track, state(track.path) == (size, changed), windows, space.unit(mean[None])[0]


def _rows(catalog: Catalog) -> Iterator[tuple[tuple[str, str, int, int, int], tuple[int, float, float, float, Floats]]]:
    for batch, embeddings in audible(catalog, catalog.parts, [*OF_FILE, *OF_WINDOW]):
        of_file, of_window = ([_values(batch, name) for name in names] for names in (OF_FILE, OF_WINDOW))
        yield from zip(zip(*of_file, strict=True), zip(*of_window, embeddings, strict=True), strict=True)


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch.column(name)
    return (column.cast("int64") if name == "mtime" else column).to_pylist()


def _map(file: Path, kind: npt.DTypeLike, shape: tuple[int, int]) -> npt.NDArray[np.floating]:
    return np.memmap(file, kind, "r", shape=shape) if shape[0] else np.empty(shape, kind)
