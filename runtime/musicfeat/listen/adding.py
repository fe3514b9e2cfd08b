"""Addition of a file that was dropped on the page to the catalog, on request."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from musicfeat.catalog import embed_catalog
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import AudioError, CatalogError

FOLDER = "added"
"""Folder for copies inside the catalog, since a browser does not reveal where a file came from."""
LONGEST_NAME = 100


def add(catalog: Catalog, options: ModelOptions, path: str, name: str) -> dict[str, Any]:
    """Copy a file into the catalog's folder and embed it with the catalog's settings.

    Args:
        catalog: the catalog.
        options: options for opening its model.
        path: the file.
        name: the file's name on its owner's computer.

    Raises:
        CatalogError: the catalog cannot be written, or is being written by another run.
        AudioError: the file cannot be embedded.
    """
    settings = catalog.settings
    target = _copied(path, catalog.folder / FOLDER, name)
    try:
        summary = embed_catalog(
            [target],
            catalog.folder,
            model=options.model,
            hop=settings.hop,
            outputs=tuple(output for output in settings.outputs if output != "embedding"),
            rows=settings.rows,
            precision=settings.precision,
            workers=1,
        )
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if not summary.embedded:
        raise AudioError(f"{name} could not be embedded: failures.jsonl in the catalog's folder says why")
    return {"path": str(target), "note": "Added. The map shows it when musicfeat listen is started again."}


def _copied(path: str, folder: Path, name: str) -> Path:
    """A copy under a unique name."""
    stem, suffix = os.path.splitext(_plain(name))
    try:
        folder.mkdir(exist_ok=True)
        partial = folder / f".{os.urandom(8).hex()}.tmp"
        try:
            shutil.copyfile(path, partial)
            for number in range(1, 1000):
                target = folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}"
                if not target.exists():
                    os.replace(partial, target)
                    return target
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CatalogError(f"the file cannot be kept in {folder}: {error}") from error
    raise CatalogError(f"{folder} holds too many files of that name: rename yours")


def _plain(name: str) -> str:
    """A file name that every system accepts: no path, no control character, not hidden, not too long."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "-" for c in name).strip(" .")
    stem, suffix = os.path.splitext(kept)
    return f"{stem[:LONGEST_NAME] or 'file'}{suffix[:20]}"
