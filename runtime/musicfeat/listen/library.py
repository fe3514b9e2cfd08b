"""A catalog for the page: tracks by number, their sources and files, map, neighbours, dimensions."""

from __future__ import annotations

import os
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.best import Best, Found, promising
from musicfeat.catalog.search.space import Floats, similarities
from musicfeat.errors import InputError
from musicfeat.listen.columns import Columns, read_columns
from musicfeat.listen.facts import Curves, Heard, rounded
from musicfeat.listen.files import Files
from musicfeat.listen.groups import Groups
from musicfeat.listen.vectors import Vectors, open_vectors

BLOCK = 8192
PER_SOURCE = 3
"""Most clips of one source among those that excite a dimension most, while there are other sources."""


class Library:
    """A catalog, opened for the page.

    Args:
        catalog: a catalog or its folder.
        audio_root: folder that holds the files now, if all were moved together.

    Raises:
        CatalogError: the folder is no catalog, or a part is damaged.
        InputError: the audio root is no folder.
    """

    def __init__(self, catalog: Catalog | str | os.PathLike[str], audio_root: Path | None = None) -> None:
        self.catalog = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
        self.columns: Columns = read_columns(self.catalog)
        self.vectors: Vectors = open_vectors(self.catalog, self.columns)
        self.files = Files(self.columns.files, audio_root)
        self.groups = Groups(self.columns.files, self.files.folders)
        self.failures = self.catalog.failures().to_pylist()

    @cached_property
    def by_name(self) -> list[int]:
        """Numbers of the tracks, sorted by name."""
        names = self.files.names
        return sorted(range(len(names)), key=lambda track: (names[track].casefold(), track))

    def summary(self, track: int) -> dict[str, Any]:
        """The fields of a track in every list of tracks."""
        return {
            "id": track,
            "name": self.files.names[track],
            "source": self.files.source(track),
            **self.groups.told(track),
            "path": self.files.shown(track),
            "duration": round(self.columns.files[track].duration, 3),
            "present": self.files.present(track),
            "reversed": rounded(self.columns.reversed(track)),
        }

    def search(self, text: str, limit: int) -> list[dict[str, Any]]:
        """Tracks whose path or tags contain every word of a text, sorted by name."""
        words = text.casefold().split()
        found = (track for track in self.by_name if all(word in self.files.key(track) for word in words))
        return [self.summary(track) for track, _ in zip(found, range(limit), strict=False)]

    def track(self, track: int, heard: Heard | None = None) -> dict[str, Any]:
        """All facts of the catalog about a track, and what was heard in its file; None: the edits in the catalog."""
        rows, values, tags = self.columns.rows(track), self.columns.values, self.columns.tags
        labels = zip(self.catalog.settings.labels, () if tags is None else tags[rows].T, strict=tags is not None)
        curves = Curves(
            values["start"][rows],
            values["end"][rows],
            values["reversal"][rows] if "reversal" in values else None,
            values["jigsaw"][rows] if "jigsaw" in values else None,
            dict(labels),
        )
        duration = self.columns.files[track].duration
        heard = heard or Heard(self.columns.edits.get(track, ()))
        return self.summary(track) | curves.described(self.catalog.settings.window, duration, heard)

    def neighbours(self, track: int, start: float | None, k: int) -> list[dict[str, Any]]:
        """The tracks most similar to a track, or to its window at a time, each by its most similar window.

        Raises:
            InputError: the track or window is silent, or there is no such time.
        """
        rows = self.columns.rows(track)
        units = self.vectors.units[rows].astype(np.float32)
        if start is None:
            query = self._pooled(rows)
        else:
            begins, ends = self.columns.values["start"][rows], self.columns.values["end"][rows]
            if not begins.min() <= start <= ends.max():
                raise InputError(f"the track has sound from {begins.min():g} to {ends.max():g} s, not at {start:g} s")
            query = units[np.abs(begins - start).argmin()]
        if not query.any():
            raise InputError("there is silence here: nothing can be like it")
        return self.alike(query, k, track)

    def alike(self, query: Floats, k: int, without: int | None = None) -> list[dict[str, Any]]:
        """The tracks most similar to a unit vector [D]; the same as from ``musicfeat.catalog.search`` over all rows."""
        best, columns = Best(k, windows=False), self.columns
        for first in range(0, len(columns), BLOCK):
            units = self.vectors.units[first : first + BLOCK].astype(np.float32)
            tracks = columns.track[first : first + BLOCK].astype(np.int64)
            scores = units @ query
            scores[~self.heard[first : first + BLOCK] | (tracks == without)] = -np.inf
            rows = promising(scores, tracks, k, best.floor)
            exact = similarities(units[rows], query).tolist()
            best.add(self._found(first + row, score) for row, score in zip(rows.tolist(), exact, strict=True))
        return [self._clip(int(found.path), found.start, found.end, similarity=found.similarity) for found in best.rows]

    def dimensions(self, numbers: list[int], k: int, summed: bool) -> list[dict[str, Any]]:
        """The clips with the greatest values of dimensions, standardised over the catalog; at most one per track.

        Raises:
            InputError: there is no such dimension.
        """
        count = self.catalog.settings.dimension
        if not numbers or not all(0 <= number < count for number in numbers):
            raise InputError(f"dimensions are numbers from 0 to {count - 1}, separated by commas")
        curves = {dimension: self._standardised(dimension) for dimension in dict.fromkeys(numbers)}
        if summed:
            return [{"dimension": None, "clips": self._most(np.sum(list(curves.values()), axis=0), k)}]
        return [{"dimension": dimension, "clips": self._most(curve, k)} for dimension, curve in curves.items()]

    def _found(self, row: int, similarity: float) -> Found:
        values = self.columns.values
        return Found(
            similarity, f"{self.columns.track[row]:010}", float(values["start"][row]), float(values["end"][row])
        )

    def _clip(self, track: int, start: float, end: float, **more: float) -> dict[str, Any]:
        summary = self.summary(track)
        facts = {name: summary[name] for name in ("id", "name", "source", "present")}
        return facts | {"start": round(start, 3), "end": round(end, 3)} | {name: rounded(v) for name, v in more.items()}

    def _pooled(self, rows: slice) -> Floats:
        weights = self.columns.values["weight"][rows]
        pooled = (self.vectors.dimensions[:, rows].astype(np.float32) @ weights)[None]
        return self.vectors.space.unit(pooled)[0] if pooled.any() else np.zeros(pooled.shape[1], np.float32)

    @cached_property
    def heard(self) -> npt.NDArray[np.bool_]:
        """[R] True for each audible row."""
        return ~np.isnan(self.vectors.layout[:, 0])

    def _standardised(self, dimension: int) -> Floats:
        values = self.vectors.dimensions[dimension].astype(np.float32)
        heard = values[self.heard]
        spread = float(heard.std()) if len(heard) else 0.0
        return np.where(self.heard, (values - heard.mean()) / (spread or 1.0), -np.inf) if len(heard) else values

    def _most(self, curve: Floats, k: int) -> list[dict[str, Any]]:
        """The k greatest rows, one per track, and few per source unless there are no others."""
        rows = [int(row) for row in self._peaks(curve)]
        few, rest, seen = list[int](), list[int](), Counter[str]()
        for row in rows:
            source = self.files.source(int(self.columns.track[row]))
            seen[source] += 1
            (few if seen[source] <= PER_SOURCE else rest).append(row)
            if len(few) == k:
                break
        chosen = sorted((few + rest)[:k], key=lambda row: -curve[row])
        values = self.columns.values
        return [
            self._clip(int(self.columns.track[row]), values["start"][row], values["end"][row], value=float(curve[row]))
            for row in chosen
        ]

    def _peaks(self, curve: Floats) -> npt.NDArray[np.int64]:
        """The greatest row of each track, in descending order, without silence."""
        order = np.argsort(-curve, kind="stable")
        order = order[np.isfinite(curve[order])]
        _, first = np.unique(self.columns.track[order], return_index=True)
        return order[np.sort(first)]
