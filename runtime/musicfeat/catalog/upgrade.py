"""Upgrade of a catalog to another model; the old catalog stays usable until a switch at the end.

The new catalog grows in a hidden folder of the old one, and can be stopped and resumed like any catalog. The switch
leaves a mark before it moves anything; after a kill, the next writer completes it, and readers wait for it.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from musicfeat.catalog.names import to_path
from musicfeat.catalog.parts import parts_in, writing
from musicfeat.catalog.progress import Summary
from musicfeat.catalog.reader import SWITCHING, Catalog
from musicfeat.catalog.rewriting import changing
from musicfeat.catalog.run import embed_catalog
from musicfeat.catalog.settings import FILE, Precision, Rows, Settings, read_settings, settings_of
from musicfeat.catalog.taught import FOLDER
from musicfeat.catalog.workers.file_embedder import FileEmbedder
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import CatalogError

UPGRADED = ".upgrade"


def upgrade_catalog(output: str | os.PathLike[str], **options: Any) -> Summary:
    """Embed all files of a catalog again, with another model or other options, and switch when all are done.

    Missing files lose their rows. Taught heads belong to the old model and are removed; the page's examples stay. A
    catalog that was made with this model and these options is brought up to date instead: files that did not change
    keep their rows, and heads stay.

    Args:
        output: the catalog's folder.
        options: as for ``embed_catalog``: model, device, hop, outputs, workers, time_limit, engine, progress. Rows and
            precision are those of the catalog.

    Raises:
        CatalogError: the folder is no catalog, another run is at work on it, or it cannot be written.
    """
    folder = Path(output)
    finish(folder)
    old = Catalog(folder)
    options = {"rows": old.settings.rows, "precision": old.settings.precision} | options
    if replace(old.settings, heads=()) == _asked(**options):
        return embed_catalog(_files(old), folder, **options)
    with changing(folder, old.settings):
        summary = embed_catalog(_files(old), folder / UPGRADED, **options)
        with writing(folder):
            (folder / SWITCHING).touch()
            _switch(folder)
    return summary


def _files(catalog: Catalog) -> list[str]:
    """Files of a catalog that are where it has them; CatalogError if there is none."""
    paths = [to_path(path) for path in dict.fromkeys(catalog.table(["path"], None).column("path").to_pylist())]
    there = [path for path in paths if os.path.isfile(path)]
    if not there:
        raise CatalogError(f"no file of {catalog.folder} is where the catalog has it: embed the new places instead")
    return there


def _asked(rows: Rows, precision: Precision, **options: Any) -> Settings:
    """The settings of a catalog that ``embed_catalog`` would make with these options, whatever the device."""
    opening = {name: options[name] for name in ("model", "hop", "outputs") if name in options}
    return settings_of(*FileEmbedder(ModelOptions(**opening)).describe(), rows, precision)


def finish(folder: Path) -> None:
    """Complete a switch that was killed."""
    if (folder / SWITCHING).exists():
        with changing(folder, read_settings(folder)):
            _switch(folder)


def _switch(folder: Path) -> None:
    """Replace the old parts and settings by the new ones; repeating any step is harmless."""
    upgraded = folder / UPGRADED
    if (upgraded / FILE).exists():
        for part in parts_in(folder):
            if not part.name.startswith("part-new-"):
                part.unlink()
        for part in parts_in(upgraded):
            os.replace(part, folder / part.name.replace("part-", "part-new-", 1))
        for head in (folder / FOLDER).glob("*.json"):
            head.unlink()
        if (upgraded / "failures.jsonl").exists():
            os.replace(upgraded / "failures.jsonl", folder / "failures.jsonl")
        os.replace(upgraded / FILE, folder / FILE)
    for part in folder.glob("part-new-*.parquet"):
        os.replace(part, folder / part.name.replace("part-new-", "part-", 1))
    shutil.rmtree(upgraded, ignore_errors=True)
    (folder / SWITCHING).unlink(missing_ok=True)
