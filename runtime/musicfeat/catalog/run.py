"""``embed_catalog``: embeds files into a catalog; a run stopped at any moment can be resumed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from musicfeat.catalog.listing import Shard, find
from musicfeat.catalog.locks import name_of, share, starting
from musicfeat.catalog.names import to_path
from musicfeat.catalog.parts import Writer, recover, writing
from musicfeat.catalog.plan import Plan, plan
from musicfeat.catalog.progress import Progress, Summary, told
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.rewriting import drop
from musicfeat.catalog.schema import to_batch
from musicfeat.catalog.settings import FILE, Precision, Rows, Settings, settings_of, write_or_check
from musicfeat.catalog.taught import heads_of, install, with_heads
from musicfeat.catalog.workers import Pool, open_pool
from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.catalog.write_tags import take_over
from musicfeat.errors import CatalogError, InputError
from musicfeat.files import replacing
from musicfeat.heads import Head, load_head

FAILURES = "failures.jsonl"


def embed_catalog(
    sources: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    hop: float | None = None,
    outputs: tuple[str, ...] | None = None,
    rows: Rows = "window",
    precision: Precision = "float32",
    workers: int | None = None,
    shard: Shard = (0, 1),
    resume: bool = True,
    retry_failed: bool = False,
    time_limit: float = 60.0,
    engine: str = "local",
    heads: Iterable[Head | str | os.PathLike[str]] = (),
    progress: bool = False,
) -> Summary:
    """Embed many files into a catalog, a folder of Parquet files; files that it holds already are left alone.

    A file is known by its absolute path, size and time of change. If it changed, its rows are replaced; if it
    vanished, they are kept. A file that fails becomes a row with its error, and a line of ``failures.jsonl``. Memory
    does not grow with the length of files, except for 0.5 MB of results an hour; it grows by about 0.4 kB for each
    file listed.

    >>> embed_catalog(["song.wav"], "one", workers=1).rows
    3

    Args:
        sources: folders, lists, patterns or files; see ``listing.find``.
        output: the catalog's folder, made if missing.
        model, device, hop: as for ``Extractor``; every worker opens its own.
        outputs: outputs to store besides the embedding: "reversal", "jigsaw" and "tags"; None is all of the model's.
        rows: "window" for one row per window, "track" for one pooled row per file.
        precision: precision of stored embeddings.
        workers: number of processes, one core each; None is one for each core.
        shard: (i, n): do only the i-th of n shares, counted from 0; all n may run at once, on one folder.
        resume: True allows adding to an existing catalog.
        retry_failed: True tries unchanged files again that failed before.
        time_limit: seconds after which a file is given up, plus 10 s for each megabyte.
        engine: "local" processes, or "ray" for a Ray cluster.
        heads: taught tags, as files of ``musicfeat teach``; each gets a column, also in existing rows. Heads of an
            existing catalog are always filled.
        progress: True shows a bar on stderr.

    Raises:
        InputError: a source or an argument cannot be used.
        CatalogError: the folder holds something else, a catalog of another model or kind, is in use or unwritable.
        ModelError, DeviceError: the model cannot be opened.
    """
    if isinstance(sources, (str, bytes, os.PathLike)):
        sources = [sources]
    passed = Counter[str]()
    paths = find(sources, shard, passed)
    if not paths and shard[1] == 1:
        over = f" ({told(passed)} passed over)" if passed else ""
        raise InputError(f"there is no audio file to embed{over}: name folders, lists, patterns or files")
    if rows not in ("window", "track") or precision not in ("float32", "float16"):
        raise InputError(f"rows are 'window' or 'track', precision 'float32' or 'float16', got {rows!r}, {precision!r}")
    wanted = [load_head(head) for head in heads]
    if wanted and shard[1] > 1:
        raise InputError("heads and shares do not go together: `musicfeat fill` adds heads when all shares are done")
    known = heads_of(Path(output)) | {head.name: head for head in wanted}
    with ExitStack() as held:
        options = ModelOptions(model, device, hop, outputs, tuple(known.values()))
        pool = held.enter_context(open_pool(engine, options, workers, time_limit, len(paths)))
        settings = with_heads(settings_of(*pool.describe(), rows, precision), known.values())
        folder = _folder(Path(output))
        with starting(folder), writing(folder):
            _check_resumed(folder, resume)
            write_or_check(folder, settings)
            for writer in held.enter_context(share(folder, shard)):
                recover(folder, settings, writer)
            install(folder, settings, wanted)
            if shard[1] == 1:
                take_over(folder, settings)
            found = plan(Catalog(folder), paths, retry_failed)
            drop(folder, settings, found.stale)
        return replace(_embed(pool, found, folder, settings, name_of(shard), progress), passed=dict(passed))


def _embed(pool: Pool, found: Plan, folder: Path, settings: Settings, name: str, shown: bool) -> Summary:
    writer = Writer(folder, settings, name)
    progress = Progress(found, shown)
    try:
        for result in pool.map(found.todo, len(found.todo)):
            rows = to_batch(result, settings)
            writer.append(rows)
            progress.add(result, rows.num_rows)
    finally:
        progress.close()
        writer.seal()
        with starting(folder), writing(folder):  # the last of several shares writes the failures of all
            _write_failures(Catalog(folder))
    return progress.summary()


def _folder(folder: Path) -> Path:
    """A folder for a catalog, made if missing; a folder with other content is refused and gets no lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = os.listdir(folder)
    except OSError as error:
        raise CatalogError(f"{folder} cannot be made: {error}") from error
    if FILE not in names and any(not name.startswith(".") for name in names):
        raise CatalogError(f"{folder} is not empty and not a catalog: take a new folder")
    return folder


def _check_resumed(folder: Path, resume: bool) -> None:
    """Raise CatalogError for an existing catalog unless ``resume`` allows adding to it."""
    if not resume and (folder / FILE).exists():
        raise CatalogError(f"{folder} is a catalog already: allow to resume it, or take another folder")


def _write_failures(catalog: Catalog) -> None:
    """A line of JSON for each file that failed, whole or not at all."""
    with (
        replacing(catalog.folder / FAILURES) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape") as file,
    ):
        for row in catalog.failures().to_pylist():
            file.write(json.dumps({"path": to_path(row["path"]), "error": row["error"]}) + "\n")
