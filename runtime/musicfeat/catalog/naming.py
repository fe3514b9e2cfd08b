"""Names for the tracks of a catalog, read again from the tags of their files; nothing is decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from musicfeat.catalog.credits import NAMES, Credits, read_credits
from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.rewriting import changing, rewrite
from musicfeat.catalog.schema import CREDIT_COLUMNS

THREADS = 8
Progress = Callable[[Iterable[Credits | None]], Iterable[Credits | None]]


class Naming:
    """A run that reads the tags of all files of a catalog and writes the credits into its rows, part by part.

    A missing file keeps its names. A kill leaves some parts with new names and the others unchanged.

    Args:
        catalog: the catalog to change.
        progress: shows the number of files read.
    """

    def __init__(self, catalog: Catalog, progress: Progress = iter) -> None:
        self._progress = progress
        self.named, self.nameless, self.missing = 0, 0, 0
        """Numbers of files with a title, of files without one, and of missing files."""
        with changing(catalog.folder, catalog.settings):
            self.parts = rewrite(catalog.folder, catalog.settings, self._change, ["path", *NAMES])

    def _change(self, rows: pa.Table) -> pa.Table | None:
        held = rows.column("path").combine_chunks().dictionary_encode()
        first = np.unique(np.asarray(held.indices), return_index=True)[1]
        old = rows.select(NAMES).take(first).to_pylist()
        paths = [to_path(path) for path in held.dictionary.to_pylist()]
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(self._progress(pool.map(_read, paths)))
        new = [Credits(**before) if now is None else now for before, now in zip(old, found, strict=True)]
        self._count(found)
        if [Credits(**before) for before in old] == new:
            return None
        return _columns(new, held.indices)

    def _count(self, found: Sequence[Credits | None]) -> None:
        self.missing += sum(now is None for now in found)
        self.named += sum(bool(now and now.title) for now in found)
        self.nameless += sum(now is not None and not now.title for now in found)


def _read(path: str) -> Credits | None:
    return read_credits(path) if os.path.isfile(path) else None


def _columns(credits: Sequence[Credits], indices: pa.Array) -> pa.Table:
    columns = {name: pa.array([getattr(one, name) for one in credits], kind) for name, kind in CREDIT_COLUMNS.items()}
    return pa.table(columns).take(indices)
