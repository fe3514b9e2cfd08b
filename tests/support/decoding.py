"""Files decoded in child processes, which a crash, a stall or a demand for too much memory ends.

As a program it reads paths from stdin, a line each, and writes an outcome for each.
"""

from __future__ import annotations

import faulthandler
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from musicfeat.errors import AudioError, InputError
from musicfeat.sound.audio import load

SECONDS = 10
"""For one file of a few kilobytes."""
MEGABYTES = 512
RATE = 22050
DECODED, REFUSED = "decoded", "refused"
CHILD = (sys.executable, "-X", "faulthandler", __file__)


def decode_in_children(paths: Sequence[Path], command: Sequence[str] = CHILD) -> Iterator[tuple[Path, str]]:
    """Each path with DECODED, REFUSED or what went wrong; a new child goes on behind a file that ends one.

    Args:
        paths: the files, whose names hold no line breaks.
        command: reads paths from stdin, a line each, and writes an outcome for each.
    """
    waiting = list(paths)
    while waiting:
        names = "\n".join(map(str, waiting))
        child = subprocess.run(command, input=names, capture_output=True, text=True, errors="replace", check=False)
        outcomes = child.stdout.splitlines()
        yield from zip(waiting, outcomes, strict=False)
        waiting = waiting[len(outcomes) :]
        if waiting:
            trace = re.search(r"(Timeout \(|Fatal Python error).*?(?=\n\n|$)", child.stderr, re.DOTALL)
            yield waiting.pop(0), f"exit code {child.returncode}: {trace[0] if trace else child.stderr[-2000:]}"


def decode(path: Path) -> str:
    """DECODED, REFUSED or what is wrong, for one file in this process."""
    before = _peak_megabytes()
    try:
        wave = load(path, rate=RATE)
    except (AudioError, InputError):
        outcome = REFUSED
    except Exception as error:
        outcome = ascii(error)
    else:
        sound = wave.dtype == np.float32 and wave.ndim == 1 and len(wave) and np.isfinite(wave).all()
        outcome = DECODED if sound else f"{wave.dtype} samples {wave.shape}, or some that are not finite"
    taken = _peak_megabytes() - before
    return outcome if taken < MEGABYTES else f"{outcome}, with {taken:.0f} MB of memory"


def _peak_megabytes() -> float:
    """The most memory that this process ever held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _limit_memory() -> None:
    """Let a demand for gigabytes fail, instead of being granted by an operating system that hopes it is not meant."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 2 * (MEGABYTES << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _child() -> None:
    """Decode the paths on stdin and print a line for each."""
    _limit_memory()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libsndfile prints what it thinks of some files
    for line in sys.stdin:
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        print(decode(Path(line.rstrip("\n"))), file=answers, flush=True)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    _child()
