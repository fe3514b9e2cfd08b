"""Catalogs: features of many files as Parquet, made on one machine or many, resumable, searchable.

    from musicfeat.catalog import Catalog, EmbedBatch, embed_catalog

This package needs the extra ``musicfeat[catalog]``. Names are loaded when first used, so that worker processes load no
pyarrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from musicfeat.errors import CatalogError

if TYPE_CHECKING:
    from musicfeat.catalog.batch import EmbedBatch
    from musicfeat.catalog.progress import Summary
    from musicfeat.catalog.reader import Catalog
    from musicfeat.catalog.run import embed_catalog

_HOMES = {"Catalog": "reader", "EmbedBatch": "batch", "Summary": "progress", "embed_catalog": "run"}
EXTRA = "pip install 'musicfeat[catalog]'"

__all__ = ["Catalog", "CatalogError", "EmbedBatch", "Summary", "embed_catalog"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'musicfeat.catalog' has no attribute {name!r}")
    try:
        return getattr(import_module(f"musicfeat.catalog.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("musicfeat"):
            raise
        raise CatalogError(f"catalogs need {error.name}: {EXTRA}") from error
