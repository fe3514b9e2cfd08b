"""MP3 to Parquet on all cores, beside bare decoding of the same files by as many processes.

python benchmarks/catalog/throughput.py [--hours 6] [--rounds 3] [--workers 2] [--model OTHER.onnx]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import soundfile
import soxr

sys.path.insert(0, str(Path(__file__).parents[1]))

from _table import markdown
from catalog.songs import SECONDS, write_songs

from musicfeat.catalog import embed_catalog
from musicfeat.model.session import Session, cores
from musicfeat.sound.audio import blocks

RATE = 22050
BLOCK = 1 << 16
HEADER = ["MP3, 44.1 kHz stereo", "hours", "x real time, median", "x real time, fastest", "a core", "rate / bare"]
BARE = "bare: soundfile, mean of channels, soxr HQ"


def rows(hours: float, rounds: int, workers: int, other: Path | None = None) -> list[list[str]]:
    """Rows of all tasks, which take turns ``rounds`` times over the same files."""
    with tempfile.TemporaryDirectory() as folder, _processes(workers) as pool:
        paths = write_songs(Path(folder) / "songs", round(hours * 3600 / SECONDS))
        list(pool.map(bare, paths[: 2 * workers]))
        tasks: dict[str, Callable[[int], float]] = {
            BARE: lambda _: _timed(pool, bare, paths),
            "musicfeat: decode, mix, resample": lambda _: _timed(pool, ours, paths),
            "musicfeat embed, all outputs": partial(_embedded, paths, Path(folder), None, workers),
            "the same without jigsaw": partial(_embedded, paths, Path(folder), ("reversal", "tags"), workers),
        }
        if other:
            name = f"musicfeat embed --model {other.name} ({Session(other).card.precision}), all outputs"
            tasks[name] = partial(_embedded, paths, Path(folder), None, workers, model=other)
        seconds: dict[str, list[float]] = {name: [] for name in tasks}
        for number in range(rounds):
            for name, task in tasks.items():
                seconds[name].append(task(number))
    length = len(paths) * SECONDS
    table = []
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds[BARE], taken, strict=True))
        speeds = [length / statistics.median(taken), length / min(taken)]
        table.append(
            [
                name,
                f"{length / 3600:.1f}",
                *(f"{speed:.0f}" for speed in speeds),
                f"{speeds[0] / workers:.0f}",
                f"{ratio:.2f}",
            ]
        )
    return table


def bare(path: str) -> int:
    """The least work of any catalog, as commonly written: decode, mix, resample in blocks."""
    samples = 0
    with soundfile.SoundFile(path) as file:
        stream = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32", quality="HQ")
        while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
            samples += len(stream.resample_chunk(block.mean(axis=1)))
    return samples


def ours(path: str) -> int:
    """The same work by the runtime."""
    return sum(map(len, blocks(path, rate=RATE)))


def _processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _timed(pool: ProcessPoolExecutor, task: Callable[[str], int], paths: list[str]) -> float:
    began = time.perf_counter()
    list(pool.map(task, paths))
    return time.perf_counter() - began


def _embedded(
    paths: list[str],
    folder: Path,
    outputs: tuple[str, ...] | None,
    workers: int,
    number: int,
    model: Path | None = None,
) -> float:
    """Seconds from the first file to the last; worker processes are started before, as in the other tasks."""
    catalog = folder / f"{number}-{outputs}-{model and model.stem}"
    summary = embed_catalog(paths, catalog, model=model, outputs=outputs, workers=workers)
    if summary.embedded != len(paths):
        raise RuntimeError(f"{summary.failed} of {len(paths)} files failed")
    return summary.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--model", type=Path, help="second model file to embed with, such as one in int8")
    options = parser.parse_args()
    print(markdown(HEADER, rows(options.hours, options.rounds, options.workers, options.model)))


if __name__ == "__main__":
    main()
