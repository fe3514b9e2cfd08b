"""Time and memory of a model on this machine's CPU."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musicfeat.errors import ModelError
from musicfeat.model.session import Session
from musicfeat_export.parity import probe_windows

BATCHES = (1, 2, 4, 8, 16)
COLD = (
    "import numpy; from musicfeat.model.session import Session; s = Session({model!r}, threads=1); "
    "s.run(numpy.zeros((1, s.card.window), 'f4'), s.outputs)"
)
# ``ru_maxrss`` would not do: a child inherits its parent's maximum.
PEAK = "print(next(int(line.split()[1]) / 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"
IMPORTS = "import numpy; from musicfeat.model.ort import onnxruntime"


@dataclass(frozen=True)
class Latency:
    """Latency of one batch size on one thread."""

    batch: int
    median: float
    """Milliseconds per run."""
    fastest: float
    real_time: float
    """Seconds of sound processed per second, by the median."""


@dataclass(frozen=True)
class Cost:
    """Cost of a whole process that answers for one window."""

    cold_start: float
    """Seconds from launch to the first answer, median."""
    peak_memory: float | None
    """Megabytes; None on systems other than Linux, which do not report it."""
    bare_memory: float | None
    """Megabytes of a process that only imports numpy and onnxruntime."""


def latencies(model: Path, rounds: int) -> list[Latency]:
    """Latency of batch sizes, in turns, so that drift of the machine affects all alike."""
    session = Session(model, threads=1)
    card = session.card
    batches = {batch: np.repeat(probe_windows(card, 1, 1.0), batch, axis=0) for batch in BATCHES}
    taken: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    for _ in range(rounds):
        for batch, windows in batches.items():
            session.run(windows, session.outputs)
            start = time.perf_counter()
            session.run(windows, session.outputs)
            taken[batch].append(1000 * (time.perf_counter() - start))
    seconds = card.window / card.sample_rate
    return [
        Latency(batch, statistics.median(ms), min(ms), 1000 * batch * seconds / statistics.median(ms))
        for batch, ms in taken.items()
    ]


def cost(model: Path, repeats: int = 5) -> Cost:
    """Cost of a model in whole processes."""
    code, seconds = COLD.format(model=str(model)), []
    for _ in range(repeats):
        start = time.perf_counter()
        _python(code)
        seconds.append(time.perf_counter() - start)
    if not sys.platform.startswith("linux"):
        return Cost(statistics.median(seconds), None, None)
    peaks = [float(_python(f"{begin}\n{PEAK}")) for begin in (code, IMPORTS)]
    return Cost(statistics.median(seconds), *peaks)


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(f"a fresh process could not run the model: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()
