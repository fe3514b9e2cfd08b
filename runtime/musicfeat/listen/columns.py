"""The rows of a catalog as columns in memory, without embeddings: about 40 bytes per window and two per label."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog
from musicfeat.features import pool_probability
from musicfeat.finding import Finding
from musicfeat.suspicion import LEAST

Array = npt.NDArray[Any]
FILE = ("path", "duration", "size", "mtime")
WHO = ("title", "artist", "album", "genre")
NUMBERS = {
    "start": np.float64,
    "end": np.float64,
    "weight": np.float32,
    "silent": np.bool_,
    "reversal": np.float32,
    "jigsaw": np.float32,
}


@dataclass(frozen=True)
class File:
    """A file of the catalog."""

    path: str
    duration: float
    """Seconds."""
    size: int | None
    mtime_us: int | None
    """Size and modification time when the file was embedded."""
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None = None


@dataclass(frozen=True, eq=False)
class Columns:
    """R rows of F files in the catalog's order; the rows of a file are contiguous and in time order."""

    files: list[File]
    bounds: npt.NDArray[np.int64]
    """[F + 1] bounds: the rows of file f are bounds[f] to bounds[f + 1]."""
    track: npt.NDArray[np.uint32]
    """[R] number of the file."""
    values: dict[str, Array]
    """[R] each: start, end (s), weight, silent, and reversal and jigsaw if the catalog has them."""
    tags: npt.NDArray[np.float16] | None
    """[R, labels] probabilities."""
    edits: dict[int, tuple[Finding, ...]]
    """Edits by the number of the file, of probability ``LEAST`` and more, before any prior."""
    place: npt.NDArray[np.int64]
    """[R] index here of each row in the catalog's order."""

    def __len__(self) -> int:
        return len(self.track)

    def rows(self, track: int) -> slice:
        """The rows of a file."""
        return slice(int(self.bounds[track]), int(self.bounds[track + 1]))

    def reversed(self, track: int) -> float | None:
        """P(plays backwards) of a whole file; None if the catalog lacks it."""
        if "reversal" not in self.values:
            return None
        rows = self.rows(track)
        return pool_probability(self.values["reversal"][rows], self.values["weight"][rows])


def read_columns(catalog: Catalog) -> Columns:
    """Read the rows of all files that have features.

    Raises:
        CatalogError: a part is damaged.
    """
    numbers = {name: kind for name, kind in NUMBERS.items() if _has(catalog, name)}
    labels = catalog.settings.labels
    files: dict[str, File] = {}
    order: dict[str, int] = {}
    parts: dict[str, list[Array]] = {name: [] for name in ("track", "tags", *numbers)}
    edits = defaultdict[int, list[Finding]](list)
    held = catalog.settings.edits
    for batch in catalog.batches([*FILE, *WHO, *numbers, *(["tags"] if labels else []), *(["edits"] if held else [])]):
        parts["track"].append(_tracks(batch, order, files))
        for name, kind in numbers.items():
            parts[name].append(batch.column(name).to_numpy(zero_copy_only=False).astype(kind))
        if labels:
            parts["tags"].append(_tags(batch))
        if held:
            _add_edits(batch, parts["track"][-1], edits)
    track = _joined(parts.pop("track"), np.empty(0, np.uint32))
    tagged = parts.pop("tags")
    tags = _joined(tagged, np.empty((0, len(labels)), np.float16)) if labels else None
    values = {name: _joined(arrays, np.empty(0, numbers[name])) for name, arrays in parts.items()}
    by_time = np.lexsort((values["start"], track))
    place = np.empty(len(track), np.int64)
    place[by_time] = np.arange(len(track))
    return Columns(
        files=list(files.values()),
        bounds=np.searchsorted(track[by_time], np.arange(len(files) + 1)),
        track=track[by_time],
        values={name: array[by_time] for name, array in values.items()},
        tags=None if tags is None else tags[by_time],
        edits={track: tuple(found) for track, found in edits.items()},
        place=place,
    )


def _has(catalog: Catalog, name: str) -> bool:
    return name not in ("reversal", "jigsaw") or name in catalog.settings.outputs


def _joined(arrays: list[Array], empty: Array) -> Array:
    return np.concatenate([empty, *arrays])


def _tracks(batch: pa.RecordBatch, order: dict[str, int], files: dict[str, File]) -> Array:
    """[rows] file number of each row; new files are added to ``files``."""
    held = batch.column("path").dictionary_encode()
    names = held.dictionary.to_pylist()
    indices = np.asarray(held.indices)
    duration, size, mtime = (batch.column(name) for name in FILE[1:])
    for number, name in enumerate(names):
        if name not in order:
            row = int(np.argmax(indices == number))
            order[name] = len(order)
            facts = duration[row].as_py() or 0.0, size[row].as_py(), mtime[row].cast(pa.int64()).as_py()
            files[name] = File(to_path(name), *facts, *(batch.column(column)[row].as_py() for column in WHO))
    return np.array([order[name] for name in names], np.uint32)[indices] if names else np.empty(0, np.uint32)


def _add_edits(batch: pa.RecordBatch, track: Array, edits: defaultdict[int, list[Finding]]) -> None:
    """Add the likely edits in the rows of a batch to those of their files."""
    column = batch.column("edits")
    found = column.flatten()
    likely = np.flatnonzero(np.asarray(found.field("probability")) >= LEAST)
    rows = np.asarray(pc.list_parent_indices(column))[likely]
    for row, edit in zip(rows, found.take(pa.array(likely)).to_pylist(), strict=True):
        edits[int(track[row])].append(Finding(**edit))


def _tags(batch: pa.RecordBatch) -> Array:
    return np.stack([np.asarray(column, np.float32) for column in batch.column("tags").flatten()], 1).astype(np.float16)
