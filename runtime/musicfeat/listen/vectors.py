"""The embeddings of a catalog, arranged for neighbours, features and the map, in one memory-mapped file.

The file is hidden beside the catalog and rebuilt when the parts change: [R, D] unit vectors of the catalog's space,
and [D, R] embeddings by dimension, both in half precision, 4 D bytes per row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.locking import portalocker
from musicfeat.catalog.reader import Catalog, vectors
from musicfeat.catalog.search.arrays import ArrayWriter, open_arrays
from musicfeat.catalog.search.rows import identities
from musicfeat.catalog.search.space import Floats, Space, space_of
from musicfeat.errors import CatalogError
from musicfeat.files import temporary_folder
from musicfeat.listen.columns import Columns
from musicfeat.listen.projection import principal, scaled

FILE = ".listen.arrays"
FORMAT = 1
BLOCK = 4096
MOST_SECONDS = 600.0
"""Longest wait for another server that builds the same file."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Arrays for R rows of D numbers each; silent rows are zeros with NaN as layout."""

    space: Space
    units: npt.NDArray[np.float16]
    """[R, D] unit vectors."""
    dimensions: npt.NDArray[np.float16]
    """[D, R] embeddings."""
    layout: Floats
    """[R, 2] places from -1 to 1."""
    change: Floats
    """[R] cosine distance to the previous window, per second."""
    identity: str
    """A text that changes with the catalog's contents."""


def open_vectors(catalog: Catalog, columns: Columns) -> Vectors:
    """Arrays from a catalog's file, which is built if it is missing, damaged or for other rows.

    Raises:
        CatalogError: a part is damaged, or the catalog was rewritten meanwhile.
    """
    parts = identities(catalog.parts)
    facts = {"format": FORMAT, "rows": len(columns), "parts": parts}
    arrays = _held(catalog.folder / FILE, facts) or _made(catalog, columns, facts)
    return Vectors(
        space=Space(np.array(arrays["matrix"])),
        units=arrays["units"],
        dimensions=arrays["dimensions"],
        layout=np.array(arrays["layout"]),
        change=np.array(arrays["change"]),
        identity=repr(sorted(parts.items())),
    )


def _held(path: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """The arrays of a file, if it is complete and for these rows."""
    try:
        held, arrays = open_arrays(path)
    except (FileNotFoundError, CatalogError):
        return None
    return arrays if held == facts else None


def _made(catalog: Catalog, columns: Columns, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the file and open it; for a read-only catalog, in a folder that is removed at once."""
    path = catalog.folder / FILE
    try:
        with portalocker.Lock(catalog.folder / ".lock-listen", "a", timeout=MOST_SECONDS):
            if arrays := _held(path, facts):  # built by another server meanwhile
                return arrays
            _write(catalog, columns, path, facts)
            return open_arrays(path)[1]
    except (OSError, portalocker.LockException):
        with temporary_folder() as folder:
            _write(catalog, columns, Path(folder) / FILE, facts)
            return open_arrays(Path(folder) / FILE)[1]  # the mapping outlives the file's name


def _write(catalog: Catalog, columns: Columns, path: Path, facts: dict[str, Any]) -> None:
    rows, dimension, space, done = len(columns), catalog.settings.dimension, space_of(catalog), 0
    with ArrayWriter(path) as writer:
        units = writer.reserve("units", (rows, dimension), np.float16)
        turned = writer.reserve("dimensions", (dimension, rows), np.float16)
        for batch in filter(len, catalog.batches(["embedding"])):
            place = columns.place[done : done + batch.num_rows]
            done += batch.num_rows
            found = np.nan_to_num(vectors(batch), posinf=0, neginf=0)
            some = found.any(axis=1) & ~columns.values["silent"][place]
            units[place[some]] = space.unit(found[some])
            turned[:, place] = found.T
        if done != rows:
            raise CatalogError(f"{catalog.folder} was rewritten while it was read: try again")
        heard = np.asarray(units.any(axis=1))
        writer.add("matrix", space.matrix)
        writer.add("layout", _layout(units, heard))
        writer.add("change", _change(units, heard, columns))
        writer.finish(facts, {})


def _layout(units: npt.NDArray[np.float16], heard: npt.NDArray[np.bool_]) -> Floats:
    layout = np.full((len(units), 2), np.nan, np.float32)
    layout[heard] = scaled(principal(units, 2)[heard])
    return layout


def _change(units: npt.NDArray[np.float16], heard: npt.NDArray[np.bool_], columns: Columns) -> Floats:
    change = np.full(len(units), np.nan, np.float32)
    for first in range(1, len(units), BLOCK):
        here = slice(first, min(first + BLOCK, len(units)))
        before = slice(here.start - 1, here.stop - 1)
        cosine = np.einsum("nd,nd->n", units[here].astype(np.float32), units[before].astype(np.float32))
        seconds = columns.values["start"][here] - columns.values["start"][before]
        same = (columns.track[here] == columns.track[before]) & heard[here] & heard[before] & (seconds > 0)
        change[here] = np.where(same, (1 - cosine) / np.where(same, seconds, 1), np.nan)
    return change
