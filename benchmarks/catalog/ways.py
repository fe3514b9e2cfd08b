"""Ways to find the nearest of a million vectors, by this package and other libraries, one function each."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from catalog.drawn import WINDOWS, D, Floats

from musicfeat.catalog.search import Searcher

K = 10
Found = Callable[[Floats], list[int]]
"""A search: unit vector -> numbers of the nearest rows."""


def ours(folder: Path, index: bool) -> Found:
    """A search by ``musicfeat``, the lookup of file names included."""
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


def faiss_index(folder: Path, name: str, **search: int) -> tuple[Found, float]:
    """A FAISS index by its factory string."""
    import faiss

    faiss.omp_set_num_threads(1)
    rows = np.load(folder / "units.npy", mmap_mode="r")
    start = time.perf_counter()
    index = faiss.index_factory(D, name, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[:: max(1, len(rows) // 131072)].astype(np.float32))
    for first in range(0, len(rows), 1 << 15):
        index.add(rows[first : first + (1 << 15)].astype(np.float32))
    build = time.perf_counter() - start
    faiss.write_index(index, str(folder / "peer"))
    for key, value in search.items():
        faiss.ParameterSpace().set_index_parameter(index, key, value)
    return lambda query: index.search(query[None], K)[1][0].tolist(), build


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
    "FAISS flat, half precision": (partial(faiss_index, name="SQfp16"), "all"),
    "FAISS IVF2048, half precision, 128 lists": (partial(faiss_index, name="IVF2048,SQfp16", nprobe=128), "most"),
    "FAISS IVF2048, 4-bit PQ, refined, 256 lists": (
        partial(faiss_index, name="IVF2048,PQ114x4fs,Refine(SQfp16)", nprobe=256, k_factor_rf=500),
        "most",
    ),
    "FAISS HNSW16, half precision, ef 512": (
        partial(faiss_index, name="HNSW16_SQfp16", efConstruction=64, efSearch=512),
        "most",
    ),
    "usearch HNSW16, half precision, ef 512": (usearch_graph, "most"),
    "LanceDB IVF-PQ, refined, 128 lists": (lance, "most"),
}
ON_DISK = {"musicfeat, Parquet read at each query": "catalog/part-*", "musicfeat with its index": "catalog/search*"}
"""Files of the catalog that each way of this package needs."""
