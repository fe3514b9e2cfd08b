"""Reader of an existing catalog."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from musicfeat.catalog.parts import parts_in
from musicfeat.catalog.schema import schema
from musicfeat.catalog.settings import Settings, read_settings
from musicfeat.errors import CatalogError

OK = ds.field("status") == "ok"
SWITCHING = ".switching"
"""Name of a file that exists while the parts of another model replace the old ones."""
SWITCH_SECONDS = 5.0


class Catalog:
    """The complete rows of a catalog, which may grow while it is read.

    Any Parquet reader can read the parts too: ``SELECT path, tags.piano FROM 'catalog/*.parquet'``.

    Args:
        folder: folder that ``embed_catalog`` wrote.

    Raises:
        CatalogError: the folder is no catalog, or a part is damaged.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        _await_switch(self.folder)
        self.settings: Settings = read_settings(self.folder)

    @property
    def parts(self) -> list[Path]:
        """The Parquet files, in the order of their names."""
        return parts_in(self.folder)

    def batches(
        self, columns: Sequence[str] | None = None, where: ds.Expression | None = OK
    ) -> Iterator[pa.RecordBatch]:
        """Rows in bounded memory.

        Args:
            columns: names of ``schema``; None is all.
            where: filter of the rows; None is all, including failures.
        """
        names = None if columns is None else list(columns)
        with reading(self.folder):
            yield from self._dataset().to_batches(columns=names, filter=where, batch_readahead=1, fragment_readahead=1)

    def table(self, columns: Sequence[str] | None = None, where: ds.Expression | None = OK) -> pa.Table:
        """Rows as one table; arguments as for ``batches``.

        >>> Catalog("catalog").table(["path", "start", "reversal"]).column_names
        ['path', 'start', 'reversal']
        """
        names = columns or [field.name for field in schema(self.settings)]
        wanted = pa.schema([schema(self.settings).field(name) for name in names])
        return pa.Table.from_batches(self.batches(names, where), wanted)

    def failures(self) -> pa.Table:
        """``path`` and ``error`` of the files that failed."""
        return self.table(["path", "error"], ds.field("status") == "error")

    def __len__(self) -> int:
        """Number of rows, including failures."""
        return count_rows(self.parts)

    def _dataset(self) -> ds.Dataset:
        return ds.dataset([os.fspath(part) for part in self.parts], schema(self.settings), format="parquet")


def _await_switch(folder: Path) -> None:
    end = time.monotonic() + SWITCH_SECONDS
    while (folder / SWITCHING).exists():
        if time.monotonic() > end:
            raise CatalogError(f"the upgrade of {folder} was stopped: `musicfeat embed --upgrade -o {folder}` ends it")
        time.sleep(0.01)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Raise CatalogError with advice if a part is damaged, or vanished because the catalog is being rewritten."""
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise CatalogError(
            f"a part of {folder} cannot be read ({error}): delete it, and embed again what it held"
        ) from error


def count_rows(parts: Sequence[Path]) -> int:
    """Number of rows in some parts of a catalog, including failures and silence.

    Raises:
        CatalogError: a part is damaged.
    """
    if not parts:
        return 0
    with reading(parts[0].parent):
        return sum(int(pq.read_metadata(part).num_rows) for part in parts)


def vectors(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
    """The embeddings of some rows as [rows, D] float32."""
    column = rows.column("embedding")
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.asarray(array.flatten(), dtype=np.float32).reshape(len(array), -1)
