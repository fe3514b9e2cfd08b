"""Query of a search: a file, a track that the catalog holds, or a vector."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from musicfeat.catalog.names import absolute, to_text
from musicfeat.catalog.reader import OK, Catalog, vectors
from musicfeat.errors import CatalogError, InputError
from musicfeat.extractor import Extractor
from musicfeat.model.session import bundled_models

Asked = str | os.PathLike[str] | npt.ArrayLike
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Query:
    """An embedding, and the file that it belongs to."""

    embedding: npt.NDArray[np.float32]
    """[D] embedding."""
    path: str | None = None
    """Path as in the column ``path``."""
    sha256: str | None = None


def query_of(catalog: Catalog, asked: Asked, at: float | None = None, extractor: Extractor | None = None) -> Query:
    """The embedding to search with.

    Args:
        catalog: the catalog; its rows are used if it holds the file already.
        asked: a path, or a vector [D] of the catalog's model.
        at: seconds; the window around that moment instead of the whole file. For a catalog of tracks, which holds no
            windows, the file itself must exist.
        extractor: the catalog's model, if it is open already or not a bundled one.

    Raises:
        InputError: the vector has another shape, the file is silent, or has no such moment.
        CatalogError: the model is not the catalog's.
        AudioError: the file cannot be decoded.
    """
    if not isinstance(asked, (str, os.PathLike)):
        return Query(_vector(asked, catalog.settings.dimension, at))
    path = absolute(asked)
    if at is None or catalog.settings.rows == "window":
        held = _held(catalog, to_text(path), at)
        if held:
            return held
    return _embedded(catalog, path, at, extractor or model_of(catalog))


def model_of(catalog: Catalog, model: str | os.PathLike[str] | None = None, device: str = "cpu") -> Extractor:
    """The model that made a catalog, opened.

    Args:
        catalog: the catalog.
        model: file of the model, if it is not bundled.
        device: as for ``Extractor``.

    Raises:
        CatalogError: the model is not the catalog's.
    """
    settings = catalog.settings
    known = settings.model if settings.model in bundled_models() else None
    opened = Extractor(model or known, device, hop=settings.hop, outputs=())
    _check_model(catalog, opened)
    return opened


def _check_model(catalog: Catalog, extractor: Extractor) -> None:
    card, settings = extractor.card, catalog.settings
    if card.weights_sha256 != settings.model_sha256:
        raise CatalogError(
            f"{catalog.folder} was made with {settings.model} {settings.version} (weights "
            f"{settings.model_sha256[:12]}), not with {card.name} {card.version} ({card.weights_sha256[:12]}), and "
            "embeddings of two models do not compare: name its model file with --model or `model_of(catalog, model)`"
        )


def _vector(asked: npt.ArrayLike, dimension: int, at: float | None) -> npt.NDArray[np.float32]:
    if at is not None:
        raise InputError("a vector has no moments: leave `at` out")
    try:
        vector = np.asarray(asked, np.float32)
    except (ValueError, TypeError) as error:
        raise InputError(f"a query is a path or {dimension} numbers: {error}") from error
    if vector.shape != (dimension,) or not np.isfinite(vector).all() or not vector.any():
        raise InputError(f"a query vector is {dimension} finite numbers, not all zero; got shape {vector.shape}")
    return vector


def _held(catalog: Catalog, path: str, at: float | None) -> Query | None:
    columns = ["sha256", "start", "end", "weight", "embedding"]
    found = catalog.table(columns, OK & (ds.field("path") == path))
    if not found.num_rows:
        return None
    start, end, weight = (_numbers(found, name) for name in ("start", "end", "weight"))
    vector = _chosen(vectors(found), start, end, weight, at, path)
    return Query(vector, path, found.column("sha256")[0].as_py())


def _numbers(rows: pa.Table, name: str) -> Doubles:
    return np.asarray(rows.column(name), dtype=np.float64)


def _embedded(catalog: Catalog, path: str, at: float | None, extractor: Extractor) -> Query:
    _check_model(catalog, extractor)
    found = extractor(path)
    vector = _chosen(found.embeddings, found.starts, found.ends, found.weights, at, path)
    with open(path, "rb") as file:
        return Query(vector, to_text(path), hashlib.file_digest(file, "sha256").hexdigest())


def _chosen(
    embeddings: npt.NDArray[np.float32], start: Doubles, end: Doubles, weight: Doubles, at: float | None, path: str
) -> npt.NDArray[np.float32]:
    """The pooled embedding of all windows, or that of the window whose middle is nearest to a moment."""
    if at is None:
        vector = np.asarray(weight @ embeddings, np.float32)
    elif start.min() <= at <= end.max():
        vector = embeddings[np.argmin(np.abs((start + end) / 2 - at))]
    else:
        raise InputError(f"{path} has sound from {start.min():g} to {end.max():g} s, nothing at {at:g} s")
    if not vector.any():
        raise InputError(f"{path} is silent{'' if at is None else ' there'}: nothing can be like it")
    return vector
