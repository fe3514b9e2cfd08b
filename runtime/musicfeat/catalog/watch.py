"""Watching of folders for a catalog: new and changed files are embedded, moved and removed ones followed.

A moved file is recognised by its digest, without decoding. A file counts as removed only if its watched folder still
exists and is not empty, so that an unplugged disk removes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from musicfeat.catalog.listing import find
from musicfeat.catalog.names import absolute, to_path, to_text
from musicfeat.catalog.progress import Summary
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.rewriting import changing, drop, rewrite
from musicfeat.catalog.run import embed_catalog
from musicfeat.catalog.settings import FILE
from musicfeat.catalog.workers.file_state import state
from musicfeat.errors import CatalogError, InputError
from musicfeat.sound.names import is_audio

QUIET_MS = 2000
"""Milliseconds without a change after which files that are being copied count as complete."""
EXTRA = "pip install 'musicfeat[watch]'"


@dataclass(frozen=True)
class Round:
    """Result of one round of changes."""

    moved: int
    removed: int
    embedded: Summary | None
    """Summary of the embedding; None if no file had to be embedded."""

    def __str__(self) -> str:
        told = [f"{self.moved} moved", f"{self.removed} removed"]
        return ", ".join([*told, str(self.embedded)] if self.embedded else told)


def watch_catalog(
    folders: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], stop: Event | None = None, **options: Any
) -> Iterator[Round]:
    """Keep a catalog up to date with folders until ``stop`` is set: one round for all files, then one per change.

    Args:
        folders: folders to watch with all subfolders, without the files that their ``.musicfeatignore`` matches.
        output: the catalog's folder.
        stop: event that ends the watch.
        options: as for ``embed_catalog``.

    Raises:
        CatalogError: the package watchfiles is missing; or as for ``embed_catalog``.
        InputError: a source is no folder.
    """
    try:
        from watchfiles import watch
    except ModuleNotFoundError as error:
        raise CatalogError(f"watching needs {error.name}: {EXTRA}") from error
    tops = [absolute(folder) for folder in folders]
    for top in tops:
        if not os.path.isdir(top):
            raise InputError(f"only folders can be watched, and {top} is not a folder")
    changes = watch(
        *tops,
        watch_filter=lambda _, path: is_audio(path) or os.path.isdir(path) or not os.path.splitext(path)[1],
        stop_event=stop,
        debounce=60_000,
        step=QUIET_MS,
        yield_on_timeout=True,
        rust_timeout=QUIET_MS,
        raise_interrupt=True,
    )
    yield keep_up(tops, output, **options)
    for some in changes:
        if some:
            yield keep_up(tops, output, **options)


def keep_up(tops: Sequence[str], output: str | os.PathLike[str], **options: Any) -> Round:
    """One round for some folders: follow moved and removed files, and embed new and changed ones."""
    paths, folder = find(tops), Path(output)
    moved, removed = 0, 0
    if (folder / FILE).exists():
        moved, removed = _follow(Catalog(folder), paths, tops)
    embedded = embed_catalog(paths, folder, **options) if paths else None
    return Round(moved, removed, embedded)


def _follow(catalog: Catalog, paths: Sequence[str], tops: Sequence[str]) -> tuple[int, int]:
    """Give rows of moved files their new path and drop those of removed files; return the numbers of both."""
    rows = catalog.table(["path", "sha256", "size"], ds.field("window") == 0).to_pylist()
    present = set(map(to_text, paths))
    gone = [row for row in rows if row["path"] not in present and _removed(to_path(row["path"]), tops)]
    if not gone:
        return 0, 0
    known, by_size = {row["path"] for row in rows}, {row["size"] for row in gone}
    new = [path for path in paths if to_text(path) not in known and state(path)[0] in by_size]
    digests = {_digest(path): path for path in new}
    moves = {row["path"]: digests[row["sha256"]] for row in gone if row["sha256"] in digests}
    moves = {old: path for path, old in {path: old for old, path in moves.items()}.items()}  # one old path each
    with changing(catalog.folder, catalog.settings):
        if moves:
            rewrite(catalog.folder, catalog.settings, lambda part: _moved(part, moves), ["path", "mtime"])
        drop(catalog.folder, catalog.settings, {row["path"] for row in gone} - moves.keys())
    return len(moves), len(gone) - len(moves)


def _removed(path: str, tops: Sequence[str]) -> bool:
    """True if the watched folder of a missing or ignored file exists and is not empty."""
    top = next((top for top in tops if path.startswith(top + os.sep)), None)
    return top is not None and os.path.isdir(top) and bool(os.listdir(top))


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _moved(part: pa.Table, moves: dict[str, str]) -> pa.Table | None:
    held = part.column("path").to_pylist()
    if not moves.keys() & set(held):
        return None
    times = pc.cast(part.column("mtime"), "int64").to_pylist()
    now = {old: state(path)[1] for old, path in moves.items()}
    paths = [to_text(moves[path]) if path in moves else path for path in held]
    changed = [now.get(path, time) for path, time in zip(held, times, strict=True)]
    return pa.table({"path": paths, "mtime": pa.array(changed, pa.int64()).cast(part.schema.field("mtime").type)})
