"""Tracks of a catalog that are the same recording, in another coding, level or rate, or cut at their beginning.

Tracks whose lengths are near are compared by their pooled embeddings; those alike enough window by window, at every
shift up to 15 s. Measured by ``benchmarks/catalog/duplicates.py`` on tracks that training never saw.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.alignment import Aligned, aligned
from musicfeat.catalog.search.rows import audible
from musicfeat.catalog.search.space import Floats, Space, space_of
from musicfeat.errors import InputError

LEAST = {"window": 0.55, "track": 0.8}
"""Similarity from which tracks pass as the same: different ones stay below, see the benchmark."""
CANDIDATE = 0.5
"""Of pooled embeddings, from which windows are compared."""
APART_SECONDS = {"window": 20.0, "track": 2.0}
"""By how much the lengths of copies may differ."""
BLOCK = 1024


@dataclass(frozen=True)
class Copy:
    """A file that holds the same recording as the first of its group."""

    path: str
    similarity: float
    """With the first of the group; 1 for the first."""
    shift: float
    """Seconds of the first one's beginning that it lacks, about; below 0 what it has before it."""
    identical: bool
    """Whether it equals the first to the byte."""


@dataclass(frozen=True)
class Track:
    """What is known of a track beside its vectors."""

    path: str
    sha256: str
    length: float
    """Seconds."""
    windows: slice
    """Its rows in ``Tracks.units``."""


class Tracks:
    """All audible tracks of a catalog, their vectors in two temporary files that are mapped into memory.

    Args:
        catalog: to read.
        folder: for the files, as large as the embeddings in half precision and the pooled ones in single precision.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.space: Space = space_of(catalog)
        self.tracks: list[Track] = []
        self._hop = catalog.settings.hop
        rows = 0
        with (folder / "units").open("wb") as units, (folder / "pooled").open("wb") as pooled:
            for path, sha256, length, windows, mean in _read(catalog, self.space):
                units.write(windows.astype(np.float16).tobytes())
                pooled.write(mean.tobytes())
                self.tracks.append(Track(path, sha256, length, slice(rows, rows + len(windows))))
                rows += len(windows)
        self._units = _map(folder / "units", np.float16, (rows, catalog.settings.dimension))
        self.pooled = _map(folder / "pooled", np.float32, (len(self.tracks), catalog.settings.dimension))

    def compare(self, first: int, second: int) -> Aligned:
        """The best alignment of two tracks; of catalogs of tracks, the cosine."""
        some = [self._units[self.tracks[number].windows].astype(np.float32) for number in (first, second)]
        return aligned(some[0], some[1], self._hop)


def duplicates(catalog: Catalog, least: float | None = None) -> list[list[Copy]]:
    """Groups of two or more files that hold the same recording, each sorted by path.

    Memory holds names; vectors are in temporary files. Time grows with the square of the number of tracks of about one
    length.

    Args:
        catalog: of windows. In one of tracks, only the pooled embedding and nearly equal lengths tell, no shifts.
        least: similarity from which tracks are the same; None is ``LEAST``.

    Raises:
        InputError: the similarity is out of its range.
        CatalogError: a part is damaged.
    """
    kind = catalog.settings.rows
    least = LEAST[kind] if least is None else least
    if not 0 < least <= 1:
        raise InputError(f"a similarity from which tracks are the same is above 0 and at most 1, got {least!r}")
    with tempfile.TemporaryDirectory(prefix="musicfeat-") as folder:
        found = Tracks(catalog, Path(folder))
        groups = Groups(len(found.tracks))
        alone = _join_identical(found.tracks, groups)
        for first, second in _candidates(found, alone, APART_SECONDS[kind], min(CANDIDATE, least)):
            if not groups.same(first, second) and found.compare(first, second).similarity >= least:
                groups.join(first, second)
        return sorted((_described(found, group) for group in groups.several()), key=lambda group: group[0].path)


class Groups:
    """Which of some numbers belong together."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, first: int, second: int) -> None:
        """Put the groups of two numbers together."""
        low, high = sorted((self._top(first), self._top(second)))
        self._above[high] = low

    def same(self, first: int, second: int) -> bool:
        """Whether two numbers belong together."""
        return self._top(first) == self._top(second)

    def several(self) -> list[list[int]]:
        """The groups of at least two."""
        groups = dict[int, list[int]]()
        for number in range(len(self._above)):
            groups.setdefault(self._top(number), []).append(number)
        return [group for group in groups.values() if len(group) > 1]

    def _top(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = number = self._above[self._above[number]]
        return number


def _read(catalog: Catalog, space: Space) -> Iterator[tuple[str, str, float, Floats, Floats]]:
    """Path, digest, seconds, [windows, D] unit vectors and [D] pooled unit vector of each track.

    Windows stand at their number, zeros where they are silent; a shorter last one counts only if it is the only one.
    """
    for (path, sha256), group in groupby(_rows(catalog), key=lambda row: (row[0], row[1])):
        rows = list(group)
        embeddings = np.stack([row[6] for row in rows])
        mean = np.array([row[5] for row in rows], np.float32) @ embeddings
        span = max(row[4] - row[3] for row in rows)
        whole = [i for i, row in enumerate(rows) if row[4] - row[3] > span - 1e-3]
        windows = np.zeros((rows[whole[-1]][2] + 1, len(mean)), np.float32)
        windows[[rows[i][2] for i in whole]] = space.unit(embeddings[whole])
        yield path, sha256, rows[-1][4], windows, space.unit(mean[None])[0]


def _rows(catalog: Catalog) -> Iterator[tuple[str, str, int, float, float, float, Floats]]:
    columns = ["path", "sha256", "window", "start", "end", "weight"]
    for batch, embeddings in audible(catalog, catalog.parts, columns):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), embeddings, strict=True)


def _map(file: Path, kind: npt.DTypeLike, shape: tuple[int, int]) -> npt.NDArray[np.floating]:
    return np.memmap(file, kind, "r", shape=shape) if shape[0] else np.empty(shape, kind)


def _join_identical(tracks: list[Track], groups: Groups) -> npt.NDArray[np.intp]:
    """Join tracks that are equal to the byte; returns one of each."""
    first = dict[str, int]()
    for number, track in enumerate(tracks):
        groups.join(first.setdefault(track.sha256, number), number)
    return np.array(sorted(first.values()), np.intp)


def _candidates(found: Tracks, numbers: npt.NDArray[np.intp], apart: float, least: float) -> Iterator[tuple[int, int]]:
    """Pairs of tracks of about one length whose pooled embeddings are alike."""
    lengths = np.array([track.length for track in found.tracks])
    ordered = numbers[np.argsort(lengths[numbers], kind="stable")]
    for first in range(0, len(ordered), BLOCK):
        some = ordered[first : first + BLOCK]
        last = np.searchsorted(lengths[ordered], lengths[some[-1]] + apart, side="right")
        for second in range(first, int(last), BLOCK):
            others = ordered[second : min(second + BLOCK, int(last))]
            near = found.pooled[some] @ found.pooled[others].T >= least
            near &= np.abs(lengths[some][:, None] - lengths[others]) <= apart
            if second == first:
                near = np.triu(near, 1)
            yield from ((int(some[i]), int(others[j])) for i, j in np.argwhere(near))


def _described(found: Tracks, group: list[int]) -> list[Copy]:
    """A group by path, each compared with the first."""
    ranked = sorted(group, key=lambda number: found.tracks[number].path)
    first = found.tracks[ranked[0]]
    copies = []
    for number in ranked:
        track = found.tracks[number]
        identical = track.sha256 == first.sha256
        similarity, shift = (1.0, 0.0) if identical else found.compare(ranked[0], number)
        copies.append(Copy(to_path(track.path), similarity, shift, identical))
    return copies
