"""``musicfeat embed``: features of many files, written to a Parquet catalog or one .npz."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musicfeat.cli.shared import Commands, command, extracted, extractor, model_options
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.features import Features
from musicfeat.files import writing

if TYPE_CHECKING:
    from musicfeat.catalog import Summary

TEXT = """Embed many files into a catalog: a folder of Parquet files, resumable at any moment and readable by
everything that reads Parquet. With an output that ends in .npz: a few files into one numpy archive."""


def add(commands: Commands) -> None:
    """Declare the command."""
    embed = command(
        commands, "embed", run, "write embeddings, reversal, order and tags of many files as a catalog", TEXT
    )
    embed.add_argument(
        "paths", nargs="*", metavar="SOURCE", help="folder, list (.txt, .m3u, or - for stdin), pattern or file"
    )
    embed.add_argument(
        "-o", "--output", type=Path, required=True, metavar="CATALOG", help="folder of the catalog, or a file OUT.npz"
    )
    rows = embed.add_mutually_exclusive_group()
    rows.add_argument(
        "--per-window",
        dest="rows",
        action="store_const",
        const="window",
        default="window",
        help="store a row for each window (default)",
    )
    rows.add_argument(
        "--per-track",
        dest="rows",
        action="store_const",
        const="track",
        help="store one row for each file, pooled over its windows",
    )
    embed.add_argument("--hop", type=float, help="seconds from one window to the next (default: a window's length)")
    embed.add_argument(
        "--outputs",
        nargs="*",
        choices=("reversal", "jigsaw", "tags"),
        help="results stored beside the embeddings (default: all)",
    )
    embed.add_argument(
        "--precision", choices=("float32", "float16"), default="float32", help="number format of stored embeddings"
    )
    embed.add_argument(
        "--workers", type=int, help="number of processes (default: one for each core; on Ray, of the cluster)"
    )
    embed.add_argument(
        "--shard", type=_shard, default=(0, 1), metavar="I/N", help="embed only share I of N, counted from 0"
    )
    embed.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with a catalog that is there (default)",
    )
    embed.add_argument(
        "--retry-failed", action="store_true", help="try files again that failed before and have not changed"
    )
    embed.add_argument(
        "--time-limit",
        type=float,
        default=60.0,
        metavar="S",
        help="longest time for a file, to which 10 s for each megabyte are added (default: 60)",
    )
    embed.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="program that runs the processes (default: local)"
    )
    embed.add_argument(
        "--heads",
        nargs="+",
        default=[],
        metavar="HEAD.json",
        help="heads that `musicfeat teach` wrote; each gives the catalog a column",
    )
    embed.add_argument("--watch", action="store_true", help="embed new and changed files of the folders until Ctrl-C")
    embed.add_argument(
        "--upgrade",
        action="store_true",
        help="embed the catalog's files anew with another model, then put the new rows in the place of the old",
    )
    embed.add_argument("--quiet", action="store_true", help="show no progress bar")
    model_options(embed)


def run(options: argparse.Namespace) -> int:
    """Print a summary; return 1 if a file of the list has no features."""
    if options.output.suffix == ".npz":
        return _run_npz(options)
    from musicfeat.catalog import embed_catalog

    if options.threads is not None:
        raise InputError("a catalog's workers use one thread each: leave --threads out, choose --workers")
    _spare_memory()
    if bool(options.paths) == options.upgrade or (options.upgrade and options.watch):
        raise InputError("name what to embed; --upgrade goes by itself, as the catalog knows its files")
    if options.watch:
        return _watch(options)
    if options.upgrade:
        from musicfeat.catalog.upgrade import upgrade_catalog

        return _told(options, upgrade_catalog(options.output, **_asked(options)))
    return _told(
        options,
        embed_catalog(
            options.paths,
            options.output,
            **_asked(options),
            rows=options.rows,
            precision=options.precision,
            shard=options.shard,
            resume=options.resume,
            retry_failed=options.retry_failed,
            heads=options.heads,
        ),
    )


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments common to all ways of embedding."""
    return {
        "model": options.model,
        "device": options.device,
        "hop": options.hop,
        "outputs": None if options.outputs is None else tuple(options.outputs),
        "workers": options.workers,
        "time_limit": options.time_limit,
        "engine": options.engine,
        "progress": not options.quiet and sys.stderr.isatty(),
    }


def _watch(options: argparse.Namespace) -> int:
    from musicfeat.catalog.watch import watch_catalog

    more = {"rows": options.rows, "precision": options.precision, "heads": options.heads}
    for done in watch_catalog(options.paths, options.output, **_asked(options), **more):
        print(f"{options.output}: {done}", flush=True)
    return 0


def _told(options: argparse.Namespace, summary: Summary) -> int:
    print(f"{options.output}: {summary}")
    if summary.failed:
        print(f"musicfeat: {summary.failed} files failed, see {options.output / 'failures.jsonl'}", file=sys.stderr)
    return int(summary.failed > 0)


def _spare_memory() -> None:
    """Use the system's memory pool, since Arrow's own keeps 20 MB of freed memory."""
    import pyarrow

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())


def _shard(text: str) -> tuple[int, int]:
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"must be I/N with I from 0 to N - 1, such as 0/4, got {text!r}")
    return int(index), int(count)


def _run_npz(options: argparse.Namespace) -> int:
    """Write ``paths`` and ``embedding`` [files, D], and per window ``track`` (index of its path), ``times``,
    ``embeddings``, ``reversal`` and ``jigsaw``.
    """
    if options.output.is_dir() or not options.output.parent.is_dir():
        raise InputError(f"cannot write {options.output}: name a file in a folder that exists")
    results = list(extracted(options, extractor(options, options.hop)))
    found = [result for result in results if not isinstance(result, MusicfeatError)]
    if found:
        _write_npz(options.output, found)
        print(f"{options.output}: {len(found)} files, {sum(map(len, found))} windows")
    return int(len(found) < len(results))


def _write_npz(path: Path, found: list[Features]) -> None:
    """Write the file completely or not at all: only a complete one replaces an existing file."""
    with writing(path) as temporary:
        np.savez(
            temporary,
            paths=np.array([features.path for features in found]),
            embedding=np.stack([features.embedding for features in found]),
            track=np.repeat(np.arange(len(found)), [len(features) for features in found]),
            times=np.concatenate([features.times for features in found]),
            embeddings=np.concatenate([features.embeddings for features in found]),
            reversal=np.concatenate([features.reversal for features in found]),
            jigsaw=np.concatenate([features.jigsaw for features in found]),
        )
