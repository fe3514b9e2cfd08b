"""Callable that data engines map over a list of files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from musicfeat.catalog.names import absolute, to_path
from musicfeat.catalog.schema import schema, to_batch
from musicfeat.catalog.settings import Precision, Rows, settings_of
from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.options import ModelOptions


class EmbedBatch:
    """Callable that turns paths into rows of a catalog; picklable, for Ray, Spark, Dask and the like.

    The first batch in each worker process opens the model, which uses one core. A file that fails becomes a row with
    its error.

        ray.data.from_items([{"path": p} for p in paths]).map_batches(EmbedBatch(), batch_format="pyarrow")

    Args:
        model, device, hop, outputs, rows, precision: as for ``embed_catalog``.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        hop: float | None = None,
        *,
        outputs: tuple[str, ...] | None = None,
        rows: Rows = "window",
        precision: Precision = "float32",
    ) -> None:
        self._options, self._rows, self._precision = ModelOptions(model, device, hop, outputs), rows, precision

    def __call__(self, batch: pa.Table | pa.RecordBatch | Mapping[str, Sequence[str]]) -> pa.Table:
        """Rows of some files.

        Args:
            batch: a table, or a mapping to sequences, with the column ``path`` (as text, see ``names``).

        Returns:
            Columns as ``schema`` describes them.
        """
        column: Any = batch["path"]
        paths = column.to_pylist() if hasattr(column, "to_pylist") else [str(path) for path in column]
        settings = settings_of(*self._embedder.describe(), self._rows, self._precision)
        results = self._embedder([absolute(to_path(path)) for path in paths])
        return pa.Table.from_batches([to_batch(result, settings) for result in results], schema(settings))

    @cached_property
    def _embedder(self) -> FileEmbedder:
        return FileEmbedder(self._options)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_embedder"}
