"""Rows that can be compared, and identities that tell a part from another of the same name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from musicfeat.catalog.reader import OK, Catalog, reading, vectors
from musicfeat.catalog.schema import schema
from musicfeat.errors import CatalogError

AUDIBLE = OK & ~ds.field("silent")
TAIL = 8
"""Number of bytes at a Parquet file's end with the footer's length and a signature."""


def audible(
    catalog: Catalog, parts: Sequence[Path], columns: Sequence[str]
) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.float32]]]:
    """Rows of some parts in their order, and their embeddings as [rows, D].

    Failures, silent rows, and rows whose embedding has no direction (zero, infinite, not a number) are left out.

    Raises:
        CatalogError: a part is damaged, or vanished because the catalog is being rewritten.
    """
    files = [os.fspath(part) for part in parts]
    with reading(catalog.folder):
        rows = ds.dataset(files, schema(catalog.settings), format="parquet")
        wanted = [*columns, "embedding"]
        for batch in rows.to_batches(columns=wanted, filter=AUDIBLE, batch_readahead=1, fragment_readahead=1):
            if not batch.num_rows:
                continue
            found = vectors(batch)
            length = np.einsum("nd,nd->n", found, found)
            whole = np.isfinite(length) & (length > 0)
            if whole.any():
                yield (batch, found) if whole.all() else (batch.filter(pa.array(whole)), found[whole])


def identities(parts: Sequence[Path]) -> dict[str, str]:
    """Name of each part -> size and digest of its footer, which holds the sizes and extremes of its columns.

    Identities stay when the folder is copied, and change when a part is rewritten.

    Raises:
        CatalogError: a part cannot be read.
    """
    return {part.name: _identity(part) for part in parts}


def _identity(part: Path) -> str:
    try:
        with part.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            footer = int.from_bytes(file.read(4), "little")
            file.seek(max(0, size - TAIL - footer))
            return f"{size}-{hashlib.blake2b(file.read(), digest_size=12).hexdigest()}"
    except OSError as error:
        raise CatalogError(f"{part} cannot be read: {error}") from error
