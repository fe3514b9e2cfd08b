"""Search for the most similar tracks of a catalog: exact by reading all of it, or faster with an index."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog, count_rows
from musicfeat.catalog.search.best import Best, Found, promising
from musicfeat.catalog.search.index import Index, build, usable
from musicfeat.catalog.search.query import Asked, query_of
from musicfeat.catalog.search.rows import audible
from musicfeat.catalog.search.space import Floats, Space, similarities, space_of
from musicfeat.errors import CatalogError, InputError
from musicfeat.extractor import Extractor
from musicfeat.sound.arguments import whole

INDEX_ROWS = 100_000
"""Number of rows above which reading them takes longer than a second and an index is worth its disk."""


@dataclass(frozen=True)
class Hit:
    """A track, or a window, that is similar to the query."""

    path: str
    """Path of the file."""
    start: float
    end: float
    """End of its most similar window in seconds, or of the whole track in a catalog of tracks."""
    similarity: float
    """Cosine in the space of the catalog, from -1 to 1 (see ``space``)."""


class Searcher:
    """Search of a catalog; open it once for many queries.

    An index is used if there is one, and parts newer than it are read too. Without an index every query reads the
    catalog, in memory that does not grow with it, and compares all rows; the index of a large catalog finds nearly all
    of the nearest, see ``ivf``.

    Args:
        catalog: a catalog or its folder.
        index: True builds the index first if it is missing, damaged or not up to date; False uses none.
        extractor: the catalog's model, opened already or not a bundled one (see ``model_of``).

    Raises:
        CatalogError: the folder is no catalog, or a part or its index is damaged.
    """

    def __init__(
        self, catalog: Catalog | str | os.PathLike[str], index: bool | None = None, extractor: Extractor | None = None
    ) -> None:
        self.catalog = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
        self.note = ""
        """Advice for the user on a faster search; empty if there is none."""
        self._extractor = extractor
        self._index: Index | None = None
        self._rest: Sequence[Path] = self.catalog.parts
        if index:
            self._index, self._rest = _up_to_date(self.catalog)
        elif index is None:
            self._open()
        self.space: Space = self._index.space if self._index else space_of(self.catalog)

    def __call__(
        self, query: Asked, k: int = 10, *, windows: bool = False, itself: bool = False, at: float | None = None
    ) -> list[Hit]:
        """The most similar tracks, best first; equally similar ones by path. Silence and failures are never found.

        Args:
            query: a file, embedded unless the catalog holds it and compared by its pooled embedding; or a vector [D]
                of the catalog's model.
            k: greatest number of results.
            windows: True finds windows, possibly several of one track, instead of tracks.
            itself: True also finds the query's own file and byte-identical copies of it.
            at: seconds into the file; the window there is compared instead of the whole.

        Raises:
            InputError: an argument is out of its range, or the query is silent.
            CatalogError: the model is not the catalog's.
            AudioError: the file cannot be decoded.
        """
        if (whole(k) or 0) < 1:
            raise InputError(f"k must be a whole number from 1, got {k!r}")
        asked = query_of(self.catalog, query, at, self._extractor)
        best = Best(int(k), windows)
        own = (None, None) if itself else (asked.path, asked.sha256)
        unit = self.space.unit(asked.embedding[None])[0]
        if self._index:
            self._index.search(unit, best, *own)
        if self._rest:
            self._read(unit, best, *own)
        return [Hit(to_path(row.path), row.start, row.end, row.similarity) for row in best.rows]

    def _open(self) -> None:
        index, state, why = usable(self.catalog)
        if index and state:
            self._index, self._rest, why = index, state.newer, "the index does not hold the newest parts"
        rows = count_rows(self._rest)
        if rows > INDEX_ROWS:
            self.note = f"{why}: {rows} rows are read for every search; with --index, once"

    def _read(self, query: Floats, best: Best, path: str | None, sha256: str | None) -> None:
        """Compare the rows of the parts that no index holds."""
        for batch, embeddings in audible(self.catalog, self._rest, ["path", "sha256", "start", "end"]):
            scores = self.space.rough(embeddings, query)
            scores[_equal(batch, "path", path) | _equal(batch, "sha256", sha256)] = -np.inf
            tracks = None if best.windows else _numbered(batch.column("path"))
            rows = promising(scores, tracks, best.k, best.floor)
            found = batch.select(["path", "start", "end"]).take(pa.array(rows)).to_pylist()
            exact = similarities(self.space.unit(embeddings[rows]), query).tolist()
            best.add(Found(score, **moment) for score, moment in zip(exact, found, strict=True))


def search(catalog: Catalog | str | os.PathLike[str], query: Asked, k: int = 10, *, windows: bool = False) -> list[Hit]:
    """Results of one search; see ``Searcher``.

    >>> len(search("catalog", "song.wav", k=3))
    3
    """
    return Searcher(catalog)(query, k, windows=windows)


def _up_to_date(catalog: Catalog) -> tuple[Index, list[Path]]:
    """The index, built again unless the existing one holds all parts unchanged."""
    try:
        index, state, _ = usable(catalog)
    except CatalogError:
        index, state = None, None
    if index and state and not state.newer:
        return index, []
    fresh = build(catalog)
    return fresh, fresh.state(catalog).newer


def _equal(batch: pa.RecordBatch, column: str, value: str | None) -> np.ndarray:
    if value is None:
        return np.zeros(batch.num_rows, dtype=bool)
    return np.asarray(pc.fill_null(pc.equal(batch.column(column), value), False))


def _numbered(paths: pa.Array) -> np.ndarray:
    """[rows] track numbers, one higher where a new track begins."""
    begins = np.ones(len(paths), dtype=np.int32)
    begins[1:] = np.asarray(pc.not_equal(paths[1:], paths[:-1]))
    return np.cumsum(begins)
