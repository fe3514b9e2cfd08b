"""A million windows: search of a catalog with its index and without, beside other libraries.

python benchmarks/catalog/search.py [--rows 1000000] [--queries 100] [--ways WAY ...]

The embeddings are drawn, not heard, but after real ones: 1/f-like spectra, sources that hold tracks, tracks that hold
24 windows, as spread between and within tracks as on 405 tracks of 58 sources, and some tracks and sources more varied
than others. For 405 tracks so drawn, the nearest window of another track is about as near as among the real ones
(median cosine 0.71, real 0.75), in as many dimensions locally (20, real 17): a little harder than real. Queries are
windows of tracks that the catalog does not hold. Every library compares in the same space; one core, each in a process
of its own; memory is the process's peak with the pages of files that it mapped.
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
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1", LANCE_CPU_THREADS="1")

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from _table import markdown

from musicfeat.catalog.reader import Catalog, vectors
from musicfeat.catalog.schema import schema
from musicfeat.catalog.search import Searcher
from musicfeat.catalog.settings import Settings, settle

HEADER = ["way", "finds", "ms, median", "ms, fastest", "recall@10", "build s", "memory MB", "disk MB"]
D, WINDOWS, SOURCE_TRACKS, K = 296, 24, 20, 10
LONGEST_SECONDS = 60
"""A slow way answers fewer queries."""
PART_ROWS = 32768 // WINDOWS * WINDOWS
Floats = npt.NDArray[np.float32]
Found = Callable[[Floats], list[int]]
"""A unit vector -> numbers of the nearest rows."""


def spectra() -> tuple[Floats, Floats]:
    """Standard deviations of [D] directions between tracks and within them, fitted to real embeddings."""
    i = np.arange(D)
    between = np.exp(-i / 10) + 0.002 * np.exp(-i / 60)
    within = 0.6 * np.exp(-i / 12) / 12 + 0.4 * np.exp(-i / 55) / 55
    scaled = (np.sqrt(total * spread / spread.sum()) for total, spread in ((170, between), (75, within)))
    first, second = (values.astype(np.float32) for values in scaled)
    return first, second


class Music:
    """Embeddings of drawn tracks."""

    def __init__(self, tracks: int, seed: int = 0) -> None:
        self._draw = np.random.default_rng(seed)
        between, self._within = spectra()
        self._turn = np.linalg.qr(self._normal(D))[0]
        sources = max(1, tracks // SOURCE_TRACKS)
        source = self._draw.permutation(tracks) % sources
        centres, spread = self._normal(sources) * between * np.sqrt(0.5), self._scales(sources)[source]
        self.centres = centres[source] + spread * self._normal(tracks) * between * np.float32(np.sqrt(0.5))
        self.centres[:, 0] += 5.3  # the mean of all music
        self._spread = self._scales(tracks)

    def windows(self, tracks: slice, count: int) -> Floats:
        """[tracks * count, D]."""
        centres, spread = (np.repeat(x[tracks], count, axis=0) for x in (self.centres, self._spread))
        return (centres + spread * self._normal(len(centres)) * self._within) @ self._turn

    def _normal(self, rows: int) -> Floats:
        return self._draw.standard_normal((rows, D), dtype=np.float32)

    def _scales(self, count: int) -> Floats:
        scales = np.exp(0.5 * self._draw.standard_normal((count, 1)))
        return np.asarray(scales / np.sqrt(np.mean(scales**2)), np.float32)


def settings() -> Settings:
    """Of the drawn catalog."""
    return Settings("drawn", "0", "0" * 64, D, "float16", "window", 10.0, 10.0, ("embedding",), ())


def write(folder: Path, tracks: int, queries: int) -> Floats:
    """Write a catalog; returns the embeddings to search with, [queries, D]."""
    settle(folder, settings())
    wanted, music = schema(settings()), Music(tracks + queries)
    for number, first in enumerate(range(0, tracks, PART_ROWS // WINDOWS)):
        last = min(tracks, first + PART_ROWS // WINDOWS)
        table = part(wanted, music.windows(slice(first, last), WINDOWS), np.arange(first, last))
        pq.write_table(table, folder / f"part-0of1-{number:06d}.parquet", 4096, compression="zstd")
    return music.windows(slice(tracks, None), 1)


def part(wanted: pa.Schema, embeddings: Floats, tracks: npt.NDArray[np.integer]) -> pa.Table:
    """The rows of some tracks."""
    rows, window = np.repeat(tracks, WINDOWS), np.tile(np.arange(WINDOWS), len(tracks))
    columns: dict[str, object] = {
        "path": [f"/music/source {i % 2000:04d}/track {i:08d}.opus" for i in rows],
        "sha256": [f"{i:064x}" for i in rows],
        "window": window,
        "start": 10.0 * window,
        "end": 10.0 * window + 10,
        "weight": np.full(len(rows), 1 / WINDOWS, np.float32),
        "silent": np.zeros(len(rows), bool),
        "embedding": pa.FixedSizeListArray.from_arrays(embeddings.astype(np.float16).ravel(), D),
        "status": ["ok"] * len(rows),
    }
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name != "embedding" and field.name in columns
        else columns.get(field.name, pa.nulls(len(rows), field.type))
        for field in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=wanted)


def units(catalog: Catalog, searcher: Searcher) -> Iterator[Floats]:
    """Blocks of the catalog's rows in the space of the search."""
    for batch in catalog.batches(["embedding"]):
        yield searcher.space.unit(vectors(batch))


def truth(blocks: Iterator[Floats], queries: Floats) -> list[list[int]]:
    """The nearest rows of each query, by comparing all."""
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


def ours(folder: Path, index: bool) -> Found:
    """A search by ``musicfeat``, names of files and all."""
    searcher = Searcher(folder / "catalog", index)

    def find(query: Floats) -> list[int]:
        hits = searcher(query, K, windows=True, itself=True)
        return [int(hit.path[-13:-5]) * WINDOWS + round(hit.start / 10) for hit in hits]

    return find


def streamed(folder: Path) -> tuple[Found, float]:
    return ours(folder, index=False), 0.0


def indexed(folder: Path) -> tuple[Found, float]:
    start = time.perf_counter()
    code = "import sys; from musicfeat.catalog.search import Searcher; Searcher(sys.argv[1], True)"
    subprocess.run([sys.executable, "-c", code, str(folder / "catalog")], check=True)
    return ours(folder, index=True), time.perf_counter() - start


def numpy_matrix(folder: Path) -> tuple[Found, float]:
    rows = np.load(folder / "units.npy").astype(np.float32)
    return lambda query: np.argpartition(-(rows @ query), K)[:K].tolist(), 0.0


def faiss_index(folder: Path, name: str, search: dict[str, int]) -> tuple[Found, float]:
    """An index of FAISS by its factory's name."""
    import faiss

    faiss.omp_set_num_threads(1)
    rows = np.load(folder / "units.npy", mmap_mode="r")
    start = time.perf_counter()
    index = faiss.index_factory(D, name, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[:: max(1, len(rows) // 40000)].astype(np.float32))
    for first in range(0, len(rows), 1 << 15):
        index.add(rows[first : first + (1 << 15)].astype(np.float32))
    build = time.perf_counter() - start
    faiss.write_index(index, str(folder / "peer"))
    for key, value in search.items():
        faiss.ParameterSpace().set_index_parameter(index, key, value)
    return lambda query: index.search(query[None], K)[1][0].tolist(), build


def faiss_flat(folder: Path) -> tuple[Found, float]:
    return faiss_index(folder, "SQfp16", {})


def faiss_inverted(folder: Path) -> tuple[Found, float]:
    return faiss_index(folder, "IVF1024,SQfp16", {"nprobe": 96})


def faiss_quantised(folder: Path) -> tuple[Found, float]:
    return faiss_index(folder, "IVF1024,PQ74x4fs,Refine(SQfp16)", {"nprobe": 160, "k_factor_rf": 500})


def faiss_graph(folder: Path) -> tuple[Found, float]:
    return faiss_index(folder, "HNSW16_SQfp16", {"efConstruction": 64, "efSearch": 512})


def usearch_graph(folder: Path) -> tuple[Found, float]:
    from usearch.index import Index

    rows = np.load(folder / "units.npy", mmap_mode="r")
    start = time.perf_counter()
    index = Index(ndim=D, metric="ip", dtype="f16", connectivity=16, expansion_add=64, expansion_search=512)
    for first in range(0, len(rows), 1 << 15):
        some = rows[first : first + (1 << 15)].astype(np.float32)
        index.add(np.arange(first, first + len(some)), some, threads=1)
    build = time.perf_counter() - start
    index.save(str(folder / "peer"))
    return lambda query: index.search(query, K, threads=1).keys.tolist(), build


def lance(folder: Path) -> tuple[Found, float]:
    import lancedb

    rows = np.load(folder / "units.npy", mmap_mode="r")
    start = time.perf_counter()
    blocks = (rows[first : first + (1 << 14)] for first in range(0, len(rows), 1 << 14))
    numbers = iter(range(0, len(rows), 1 << 14))
    kind = pa.schema([("row", pa.int64()), ("vector", pa.list_(pa.float16(), D))])
    batches = (
        pa.record_batch(
            [
                pa.array(np.arange(len(block)) + next(numbers)),
                pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(block).ravel(), D),
            ],
            schema=kind,
        )
        for block in blocks
    )
    table = lancedb.connect(folder / "peer").create_table("rows", pa.RecordBatchReader.from_batches(kind, batches))
    parts = max(2, min(1024, len(rows) // 64))
    table.create_index(metric="dot", num_partitions=parts, num_sub_vectors=74, vector_column_name="vector")
    build = time.perf_counter() - start

    def find(query: Floats) -> list[int]:
        asked = table.search(query, vector_column_name="vector").distance_type("dot").nprobes(128).refine_factor(50)
        return asked.select(["row"]).limit(K).to_arrow()["row"].to_pylist()

    return find, build


WAYS: dict[str, tuple[Callable[[Path], tuple[Found, float]], str]] = {
    "musicfeat, Parquet read at each query": (streamed, "all"),
    "musicfeat with its index": (indexed, "most"),
    "numpy, float32 matrix in memory": (numpy_matrix, "all"),
    "FAISS flat, half precision": (faiss_flat, "all"),
    "FAISS IVF1024, half precision, 96 lists": (faiss_inverted, "most"),
    "FAISS IVF1024, 4-bit PQ, refined, 160 lists": (faiss_quantised, "most"),
    "FAISS HNSW16, half precision, ef 512": (faiss_graph, "most"),
    "usearch HNSW16, half precision, ef 512": (usearch_graph, "most"),
    "LanceDB IVF-PQ, refined, 128 lists": (lance, "most"),
}
ON_DISK = {"musicfeat, Parquet read at each query": "catalog/part-*", "musicfeat with its index": "catalog/search*"}
"""What of the catalog each of ours needs."""


def rows(count: int, queries: int = 100, ways: tuple[str, ...] = tuple(WAYS)) -> list[list[str]]:
    """A row of the table for each way that is installed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare(folder, max(1, count // WINDOWS), queries)
        return [row for name in ways if (row := measured(name, folder))]


def prepare(folder: Path, tracks: int, queries: int) -> None:
    """A catalog, and the same rows and queries as every library gets them."""
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
    """One way, in a process of its own; None if it is not installed."""
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
    """Measure one way here."""
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
    """Megabytes of a file or folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def peak() -> float:
    """Megabytes of memory at the most."""
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
