"""Small catalogs of made-up vectors and names, for tests and benchmarks; nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from musicfeat.catalog.credits import Credits
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.schema import schema, to_batch
from musicfeat.catalog.settings import Rows, Settings, write_or_check
from musicfeat.catalog.workers.result import FileResult
from musicfeat.features import Features


def made_settings(dimension: int, rows: Rows = "window") -> Settings:
    """Settings of a model that does not exist."""
    return Settings("made", "1", "abc", dimension, "float32", rows, 10.0, 10.0, ("embedding",), ())


def made_track(
    path: str, embeddings: np.ndarray, seconds: float | None = None, sha256: str | None = None, **who: object
) -> FileResult:
    """A file whose windows have these embeddings [W, D]; zeros are silence."""
    count, half = len(embeddings), np.full(len(embeddings), 0.5, np.float32)
    silent = ~embeddings.any(axis=1)
    weights = np.where(silent, 0.0, 1.0) + (1e-9 if silent.all() else 0)
    starts = 10.0 * np.arange(count)
    ends = starts + 10
    ends[-1] = seconds or ends[-1]
    found = Features(
        starts, ends, embeddings.astype(np.float32), half, half, weights / weights.sum(), silent, path=path, sr=44100
    )
    digest = sha256 or f"{hash(path) % 2**64:064x}"
    return FileResult(path, 1, 1, digest, found, credits=Credits(**who))  # type: ignore[arg-type]


def made_catalog(folder: Path, tracks: Iterable[Sequence[FileResult]], settings: Settings, first: int = 0) -> Catalog:
    """A catalog with a part for each of ``tracks``, counted from ``first``."""
    folder.mkdir(exist_ok=True)
    write_or_check(folder, settings)
    for number, some in enumerate(tracks, first):
        table = pa.Table.from_batches([to_batch(one, settings) for one in some], schema(settings))
        pq.write_table(table, folder / f"part-0of1-{number:06d}.parquet", 64)
    return Catalog(folder)
