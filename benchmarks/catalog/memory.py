"""Memory of ``musicfeat embed`` and all its processes: over many files, and over one long file."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import soundfile
from catalog.runs import WORKERS, Row, start, write_files

MEMORY_BAR = 400
"""Most MB of all processes together."""
DIFFERENT = 8
"""Different files among many; the others are links to these."""
SAMPLE_SECONDS = 0.2


def many(folder: Path, count: int) -> list[Row]:
    """Memory over many short files."""
    write_files(folder / "files", count, DIFFERENT, 5)
    return _memory(f"{count} files of 1 to 5 s", folder)


def long(folder: Path, hours: float, rate: int) -> list[Row]:
    """Memory over one long file."""
    (folder / "files").mkdir(parents=True)
    noise = np.random.default_rng(0).integers(-8, 8, 60 * rate, dtype=np.int16)
    with soundfile.SoundFile(folder / "files" / "long.flac", "w", rate, 1, "PCM_16") as file:
        for _ in range(round(hours * 60)):
            file.write(noise)
    return _memory(f"one file of {hours:g} h ({rate} Hz, mono)", folder)


def _memory(what: str, folder: Path) -> list[Row]:
    """Megabytes of a run and all its processes, at its peak and over time."""
    began = time.monotonic()
    run = start(folder / "files", folder / "out")
    samples = np.array(list(_samples(run)))
    assert run.returncode == 0
    what = f"{what}, {WORKERS} workers, {time.monotonic() - began:.0f} s"
    peak = samples.max(axis=0)
    working = samples[samples[:, 0] > peak[0] / 2]  # without start and end of the processes
    places = [working[int(share * (len(working) - 1))] for share in (0.1, 0.5, 1)]
    return [
        [f"{what}: peak memory of all processes, sum of RSS (of PSS)", _megabytes(peak), f"{MEMORY_BAR} MB"],
        ["the same at 10 %, 50 % and 100 % of the time", ", ".join(map(_megabytes, places)), "flat"],
    ]


def _megabytes(sample: npt.NDArray[np.float64]) -> str:
    return f"{sample[0]:.0f} MB ({sample[1]:.0f} MB)"


def _samples(run: subprocess.Popen[bytes]) -> Iterator[tuple[float, float]]:
    """Samples of RSS, which counts shared pages in every process, and PSS, which divides them, in MB."""
    while True:
        yield _tree_megabytes(run.pid)
        try:
            run.wait(SAMPLE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _tree_megabytes(pid: int) -> tuple[float, float]:
    rss = pss = 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0, 0
    for process in processes:
        try:
            memory = process.memory_full_info()
        except psutil.Error:
            continue
        rss += memory.rss
        pss += getattr(memory, "pss", 0)
    return rss / 1e6, pss / 1e6
