"""A million windows: search of a catalog with its index and without, beside other libraries.

python benchmarks/catalog/search.py [--rows 1000000] [--queries 100] [--ways WAY ...]

Queries are windows of tracks that the catalog (``drawn``) does not hold. Every library (``ways``) compares in the same
space; one core, each in a process of its own; memory is the process's peak with the pages of files that it mapped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1", LANCE_CPU_THREADS="1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from _table import markdown
from catalog.drawn import WINDOWS, D, Floats, write
from catalog.ways import ON_DISK, WAYS, K

from musicfeat.catalog.reader import Catalog, vectors
from musicfeat.catalog.search import Searcher

HEADER = ["way", "finds", "ms, median", "ms, fastest", "recall@10", "build s", "memory MB", "disk MB"]
LONGEST_SECONDS = 60
"""Longest time for queries; a slow way answers fewer."""


def units(catalog: Catalog, searcher: Searcher) -> Iterator[Floats]:
    """Blocks of the catalog's rows in the space of the search."""
    for batch in catalog.batches(["embedding"]):
        yield searcher.space.unit(vectors(batch))


def truth(blocks: Iterator[Floats], queries: Floats) -> list[list[int]]:
    """The nearest rows of each query, found by comparing with all rows."""
    best = np.full((len(queries), K), -2.0, np.float32)
    found = np.zeros((len(queries), K), np.int64)
    first = 0
    for block in blocks:
        scores = np.concatenate([best, queries @ block.T], axis=1)
        here = np.concatenate([found, np.tile(first + np.arange(len(block)), (len(queries), 1))], axis=1)
        first += len(block)
        order = np.argsort(-scores, axis=1)[:, :K]
        best, found = np.take_along_axis(scores, order, 1), np.take_along_axis(here, order, 1)
    return found.tolist()


def rows(count: int, queries: int = 100, ways: tuple[str, ...] = tuple(WAYS)) -> list[list[str]]:
    """A row of the table for each way that is installed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, max(1, count // WINDOWS), queries)
        return [row for name in ways if (row := measured(name, folder))]


def prepare(folder: Path, tracks: int, queries: int) -> None:
    """Write a catalog, and the same rows and queries in the form that other libraries read."""
    (folder / "catalog").mkdir()
    asked = write(folder / "catalog", tracks, queries)
    catalog = Catalog(folder / "catalog")
    searcher = Searcher(catalog, index=False)
    kept = np.lib.format.open_memmap(folder / "units.npy", "w+", np.float16, (len(catalog), D))
    first = 0
    for block in units(catalog, searcher):
        kept[first : first + len(block)] = block
        first += len(block)
    np.savez(folder / "queries.npz", raw=asked, unit=searcher.space.unit(asked))
    (folder / "truth.json").write_text(json.dumps(truth(units(catalog, searcher), searcher.space.unit(asked))))


def measured(name: str, folder: Path) -> list[str] | None:
    """One way's row, from a process of its own; None if it is not installed."""
    peer = folder / "peer"
    shutil.rmtree(peer) if peer.is_dir() else peer.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, "--folder", str(folder)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    row = json.loads(done.stdout.splitlines()[-1])
    print(*row, sep=" | ", file=sys.stderr, flush=True)
    return row


def one(name: str, folder: Path) -> list[str]:
    """One way's row, from this process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    way, finds = WAYS[name]
    find, build = way(folder)
    with np.load(folder / "queries.npz") as held:
        queries = held["raw" if "musicfeat" in name else "unit"]
    if name not in ON_DISK:
        queries = np.ascontiguousarray(queries, np.float32)
    right, times = [], []
    find(queries[0])
    for query, expected in zip(queries, json.loads((folder / "truth.json").read_text()), strict=True):
        start = time.perf_counter()
        found = find(query)
        times.append(1000 * (time.perf_counter() - start))
        right.append(len(set(found) & set(expected)) / K)
        if sum(times) > 1000 * LONGEST_SECONDS:
            break
    figures = [f"{statistics.median(times):.1f}", f"{min(times):.1f}", f"{100 * statistics.mean(right):.1f} %"]
    size = sum(weight(path) for path in folder.glob(ON_DISK.get(name, "peer")))
    return [name, finds, *figures, f"{build:.0f}", f"{peak():.0f}", f"{size:.0f}" if size else ""]


def weight(path: Path) -> float:
    """Size of a file or folder in megabytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def peak() -> float:
    """Peak memory of this process in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--queries", type=int, default=100)
    options.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="WAY")
    options.add_argument("--one", help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one, chosen.folder)))
    else:
        print(markdown(HEADER, rows(chosen.rows, chosen.queries, tuple(chosen.ways))))


if __name__ == "__main__":
    main()
