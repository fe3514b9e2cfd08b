"""Vectors in an inverted file of FAISS (Sivic and Zisserman 2003; Johnson, Douze and Jegou 2017), in half precision.

Below ``LISTED_ROWS`` all rows are compared; for a million, the nearest tenth of 2048 lists is searched. The
benchmark ``catalog/search.py`` also measures other libraries: product quantisation with refined results answers in a
third of the time and is less simple; graphs answer sooner still, and find fewer of the nearest.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.search.rows import audible
from musicfeat.catalog.search.space import Space
from musicfeat.errors import CatalogError

LISTED_ROWS = 100_000
"""Least number of rows for which lists are made."""
SEARCHED = 10
"""Number of lists for each list that is searched; this finds 97 % of the nearest ten."""
TRAINING_ROWS = 64
"""Number of rows for each list from which the centres of the lists are learned."""
MEND = "`musicfeat search --index` builds it anew, --no-index goes without"


def new_vectors(catalog: Catalog, space: Space, rows: int) -> Any:
    """An empty FAISS index for this many rows, with lists learned from some of them."""
    faiss, dimension = _faiss(), catalog.settings.dimension
    if rows < LISTED_ROWS:
        return faiss.index_factory(dimension, "SQfp16", faiss.METRIC_INNER_PRODUCT)
    lists = 2 << round(np.log2(rows) / 2)
    index = faiss.index_factory(dimension, f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    step, seen, some = max(1, rows // (TRAINING_ROWS * lists)), 0, []
    for _, embeddings in audible(catalog, catalog.parts, []):
        some.append(space.unit(embeddings[-seen % step :: step]))
        seen += len(embeddings)
    index.train(np.concatenate(some))
    index.nprobe = max(1, lists // SEARCHED)
    return index


def write_vectors(vectors: Any, folder: Path) -> Path:
    """Write vectors to a new file in a folder; OSError if it cannot be written."""
    file = folder / f"search-{secrets.token_hex(6)}.faiss"
    try:
        _faiss().write_index(vectors, os.fspath(file))
    except RuntimeError as error:
        file.unlink(missing_ok=True)
        raise OSError(str(error)) from error
    return file


def open_vectors(file: Path, size: int) -> Any:
    """Vectors of a file, mapped into memory; CatalogError if its size is not ``size``."""
    if not file.exists() or file.stat().st_size != size:
        raise CatalogError(f"{file} is damaged: {MEND}")
    faiss = _faiss()
    try:
        vectors = faiss.read_index(os.fspath(file), faiss.IO_FLAG_MMAP)
    except RuntimeError as error:
        raise CatalogError(f"{file} is damaged ({error}): {MEND}") from error
    if hasattr(vectors, "invlists"):
        # FAISS's read-ahead threads cost three times as much as a search.
        faiss.downcast_InvertedLists(vectors.invlists).prefetch_nthread = 0
    return vectors


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise CatalogError(
            "an index needs FAISS: pip install 'musicfeat[search]'; search --no-index goes without"
        ) from error
    return faiss
