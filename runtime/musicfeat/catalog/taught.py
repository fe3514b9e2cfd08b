"""Heads of a catalog: a copy of each in its folder and a column for each in its rows, filled without decoding."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from musicfeat.catalog.reader import Catalog, vectors
from musicfeat.catalog.rewriting import changing, derive
from musicfeat.catalog.schema import array_of, schema, struct_of
from musicfeat.catalog.settings import FILE, Settings
from musicfeat.errors import CatalogError
from musicfeat.files import replacing
from musicfeat.heads import Head, load_head

FOLDER = "heads"
UNFINISHED = ".unfinished-"
"""Prefix of the name of a head whose column is not completely filled."""


def heads_of(folder: Path) -> dict[str, Head]:
    """Heads of a catalog by name, including those whose column is not completely filled.

    Raises:
        ModelError: a head is damaged.
    """
    found = {path.stem: load_head(path) for path in sorted((folder / FOLDER).glob("*.json"))}
    return {name.removeprefix(UNFINISHED): head for name, head in found.items()} | _unfinished(folder)


def fill(catalog: Catalog, heads: Iterable[Head]) -> Catalog:
    """Add the probabilities of some heads to every row of a catalog, from its stored embedding.

    Columns that a killed run left incomplete are filled too.

    Returns:
        The catalog with the new columns.

    Raises:
        ModelError: a head was taught with another model.
        CatalogError: a name is taken, another run is at work, or the folder cannot be written.
    """
    with changing(catalog.folder, catalog.settings):
        install(catalog.folder, catalog.settings, heads)
    return Catalog(catalog.folder)


def install(folder: Path, settings: Settings, heads: Iterable[Head]) -> None:
    """Fill columns while no other run writes; each head is marked as unfinished until all parts have its column."""
    wanted = _unfinished(folder) | {head.name: head for head in heads}
    if not wanted:
        return
    settings, place = with_heads(settings, wanted.values()), folder / FOLDER
    place.mkdir(exist_ok=True)
    for head in wanted.values():
        head.save(place / f"{UNFINISHED}{head.name}.json")
    with replacing(folder / FILE) as temporary:
        temporary.write_text(settings.to_json())
    derive(folder, settings, lambda rows: _columns(rows, wanted.values()), ["status", "embedding"])
    for name in wanted:
        os.replace(place / f"{UNFINISHED}{name}.json", place / f"{name}.json")


def with_heads(settings: Settings, heads: Iterable[Head]) -> Settings:
    """Settings of a catalog with these heads added.

    Raises:
        ModelError: a head was taught with another model.
        CatalogError: a column or head of that name exists already.
    """
    found = dict(settings.heads)
    taken = set(schema(replace(settings, heads=())).names)
    for head in heads:
        head.check(settings.model_sha256, f"{settings.model} {settings.version}")
        if head.name in taken:
            raise CatalogError(f"catalogs have a column {head.name} already: teach the head under another name")
        if found.setdefault(head.name, head.labels) != head.labels:
            raise CatalogError(
                f"the catalog has a head {head.name} with the labels {', '.join(found[head.name])}: teach this one, "
                f"with {', '.join(head.labels)}, under another name"
            )
    return replace(settings, heads=tuple(found.items()))


def _unfinished(folder: Path) -> dict[str, Head]:
    heads = map(load_head, sorted((folder / FOLDER).glob(f"{UNFINISHED}*.json")))
    return {head.name: head for head in heads}


def _columns(rows: pa.Table, heads: Iterable[Head]) -> pa.Table:
    """A column for each head; null in rows without an embedding."""
    ok = pc.equal(rows.column("status"), "ok").combine_chunks()
    places = pc.if_else(ok, pc.subtract(pc.cumulative_sum(ok.cast(pa.int64())), 1), None)
    embeddings = vectors(rows.filter(ok))
    return pa.table({head.name: array_of(head(embeddings), struct_of(head.labels)).take(places) for head in heads})
