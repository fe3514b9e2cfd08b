"""A catalog of any size with randomly drawn embeddings.

Embeddings come from no sound, but follow real ones: 1/f-like spectra, sources of several tracks, tracks of
24 windows, the spread between and within tracks of 406 real tracks from 58 sources, and some tracks and sources
more varied than others. Among 405 drawn tracks, the nearest window of another track is about as near as among real ones
(median cosine 0.42, real 0.42), in about as many dimensions locally (42, real 35): a little harder than real.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from musicfeat.catalog.schema import schema
from musicfeat.catalog.settings import Settings, write_or_check

D, WINDOWS, SOURCE_TRACKS = 456, 24, 20
PART_ROWS = 32768 // WINDOWS * WINDOWS
Floats = npt.NDArray[np.float32]


def spectra() -> tuple[Floats, Floats]:
    """Standard deviations of [D] directions between tracks and within them, fitted to real embeddings."""
    i = np.arange(D)
    fade = 1 / (1 + np.exp((i - 168) / 8))  # the last directions are hardly used
    between = np.sqrt((13.5 * np.exp(-i / 10) + 1.1 * np.exp(-i / 40)) * fade)
    within = np.sqrt((2.6 * np.exp(-i / 15) + 0.62 * np.exp(-i / 140)) * fade)
    return between.astype(np.float32), within.astype(np.float32)


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
        self.centres[:, 0] += 2.0  # the mean of all music
        self._spread = self._scales(tracks)

    def windows(self, tracks: slice, count: int) -> Floats:
        """[tracks * count, D] embeddings of windows."""
        centres, spread = (np.repeat(x[tracks], count, axis=0) for x in (self.centres, self._spread))
        return (centres + spread * self._normal(len(centres)) * self._within) @ self._turn

    def _normal(self, rows: int) -> Floats:
        return self._draw.standard_normal((rows, D), dtype=np.float32)

    def _scales(self, count: int) -> Floats:
        scales = np.exp(0.4 * self._draw.standard_normal((count, 1)))
        return np.asarray(scales / np.sqrt(np.mean(scales**2)), np.float32)


def settings() -> Settings:
    """Settings of the drawn catalog."""
    return Settings("drawn", "0", "0" * 64, D, "float16", "window", 10.0, 10.0, ("embedding",), ())


def write(folder: Path, tracks: int, queries: int) -> Floats:
    """Write a catalog; return the embeddings of the queries, [queries, D]."""
    write_or_check(folder, settings())
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
