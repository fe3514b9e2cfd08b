"""Columns of a catalog, and conversion of files' results to rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from musicfeat.catalog.credits import NAMES, NUMBERS
from musicfeat.catalog.names import to_text
from musicfeat.catalog.settings import Settings
from musicfeat.catalog.workers.result import FileResult
from musicfeat.features import Features, pool_probability

METADATA = b"musicfeat"
"""Key of the settings in a part's metadata."""
WORD = pa.string()
FILE_COLUMNS = {
    "path": pa.string(),
    "sha256": pa.string(),
    "size": pa.int64(),
    "mtime": pa.timestamp("us", "UTC"),
    "duration": pa.float64(),
    "sample_rate": pa.int32(),
    "lost": pa.float32(),
}
CREDIT_COLUMNS = {name: pa.int32() if name in NUMBERS else pa.string() for name in NAMES}
EDIT = pa.struct([("kind", pa.string()), ("start", pa.float64()), ("end", pa.float64()), ("probability", pa.float32())])
"""Type of one edit."""
LEAST_EDIT = 0.05
"""Least probability of a stored edit."""
ROW_COLUMNS = {
    "window": pa.int32(),
    "start": pa.float64(),
    "end": pa.float64(),
    "weight": pa.float32(),
    "silent": pa.bool_(),
}


def schema(settings: Settings) -> pa.Schema:
    """The columns of a catalog, in order.

    ``path`` (absolute; see ``names``), ``sha256``, ``size`` (bytes), ``mtime``, ``duration`` (s), ``sample_rate``
    (Hz, the file's own), ``lost`` (s, damaged and left out; null in rows of older versions); the credits (``title``,
    ``artist`` and so on, see ``credits``; null if missing in the file's tags, and in rows of older versions);
    ``window`` (its number in the file), ``start``, ``end`` (s), ``weight`` (share in pooled values), ``silent``;
    ``embedding``, ``reversal``, ``jigsaw``, ``edits`` (of models with curves: lists of kind, start, end and
    probability, each in the row in which it starts), ``tags`` and each taught head (structs with a field per label);
    ``model``, ``model_sha256``; ``status`` ("ok" or "error"), ``error``. A file that failed is one row with null
    findings.
    """
    findings = {"embedding": pa.list_(pa.from_numpy_dtype(settings.precision), settings.dimension)}
    findings |= {name: pa.float32() for name in ("reversal", "jigsaw") if name in settings.outputs}
    if settings.edits:
        findings["edits"] = pa.list_(EDIT)
    if settings.labels:
        findings["tags"] = struct_of(settings.labels)
    findings |= {name: struct_of(labels) for name, labels in settings.heads}
    ends = {"model": WORD, "model_sha256": WORD, "status": WORD, "error": pa.string()}
    fields = [pa.field(*pair) for pair in (FILE_COLUMNS | CREDIT_COLUMNS | ROW_COLUMNS | findings | ends).items()]
    return pa.schema(fields, {METADATA: settings.to_json().encode()})


def struct_of(labels: Iterable[str]) -> pa.DataType:
    """The type of a column with a probability for each label."""
    return pa.struct([(label, pa.float32()) for label in labels])


def to_batch(result: FileResult, settings: Settings) -> pa.RecordBatch:
    """All rows of one file."""
    columns = _failed() if result.features is None else _rows(result.features, settings)
    rows = len(columns["start"])
    of_file = {
        "path": to_text(result.path),
        "sha256": result.sha256,
        "size": result.size,
        "mtime": result.mtime_us,
        "duration": result.features.duration if result.features else None,
        "sample_rate": result.features.sr if result.features else None,
        "lost": result.features.lost if result.features else None,
        **vars(result.credits),
        "model": f"{settings.model} {settings.version}",
        "model_sha256": settings.model_sha256,
        "status": "error" if result.error else "ok",
        "error": result.error,
    }
    wanted = schema(settings)
    arrays = []
    for field in wanted:
        value = columns.get(field.name)
        if field.name in of_file:
            arrays.append(pa.array([of_file[field.name]] * rows, field.type))
        else:
            arrays.append(pa.nulls(rows, field.type) if value is None else array_of(value, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def conformed(rows: pa.Table | pa.RecordBatch, wanted: pa.Schema) -> pa.Table:
    """Rows of this or an older version with the columns of ``wanted``; missing ones are null."""
    columns = [
        rows.column(field.name) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        for field in wanted
    ]
    return pa.Table.from_arrays(columns, schema=wanted)


def _failed() -> dict[str, npt.NDArray[Any]]:
    return {"window": np.zeros(1, np.int32), "start": np.zeros(1), "end": np.zeros(1), "weight": np.zeros(1)}


def _rows(features: Features, settings: Settings) -> dict[str, npt.NDArray[Any]]:
    pooled = settings.rows == "track"
    columns = _track(features) if pooled else _windows(features)
    if settings.edits:
        columns["edits"] = _edits(features, columns["start"])
    for head in features.taught:
        columns[head.name] = head(columns["embedding"])
    if features.tag_curve is not None:
        columns["tags"] = (features.weights @ features.tag_curve)[None] if pooled else features.tag_curve
    return columns


def _edits(features: Features, starts: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Edits as dictionaries, a list for each row: the edits that start before the next row does."""
    rows = np.empty(len(starts), object)
    rows[:] = [[] for _ in starts]
    for edit in features.edits(LEAST_EDIT):
        row = max(0, int(np.searchsorted(starts, edit.start, side="right")) - 1)
        rows[row].append({field.name: getattr(edit, field.name) for field in EDIT})
    return rows


def _windows(features: Features) -> dict[str, npt.NDArray[Any]]:
    return {
        "window": np.arange(len(features), dtype=np.int32),
        "start": features.starts,
        "end": features.ends,
        "weight": features.weights,
        "silent": features.silent,
        "embedding": features.embeddings,
        "reversal": features.reversal,
        "jigsaw": features.jigsaw,
    }


def _track(features: Features) -> dict[str, npt.NDArray[Any]]:
    return {
        "window": np.zeros(1, np.int32),
        "start": features.starts[:1],
        "end": features.ends[-1:],
        "weight": np.ones(1),
        "silent": np.array([features.silent.all()]),
        "embedding": features.embedding[None],
        "reversal": np.array([features.reversed]),
        "jigsaw": np.array([pool_probability(features.jigsaw, features.weights)]),
    }


def array_of(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    """Column of values [rows, ...]."""
    if pa.types.is_list(kind):
        return pa.array(values.tolist(), kind)
    if pa.types.is_struct(kind):
        columns = [pa.array(np.ascontiguousarray(column), pa.float32()) for column in values.astype(np.float32).T]
        return pa.StructArray.from_arrays(columns, fields=list(kind))
    if pa.types.is_fixed_size_list(kind):
        flat = np.ascontiguousarray(values, kind.value_type.to_pandas_dtype()).ravel()
        return pa.FixedSizeListArray.from_arrays(pa.array(flat), type=kind)
    return pa.array(values.astype(kind.to_pandas_dtype()), kind)
