"""Damaged files of every format, each through ``musicfeat.load`` in a child process: decoded or refused in words.

Anything else is a finding: another exception, samples that are not finite, a crash, too much time or memory. The file
is kept, and the exit code is 1.

python benchmarks/hostile.py [--count 3000] [--seed 0] [--keep runs/hostile]
python benchmarks/hostile.py FILE...
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _mutants import write_mutants
from _table import markdown

from musicfeat.errors import AudioError, InputError
from musicfeat.sound.audio import load

SECONDS = 10
"""For one file of a few kilobytes."""
MEGABYTES = 512
RATE = 22050
DECODED, REFUSED = "decoded", "refused"
CHILD = (sys.executable, "-X", "faulthandler", __file__, "--child")


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


def table(outcomes: Sequence[tuple[Path, str]]) -> str:
    """How many files of each format were decoded, refused or something else."""
    counts: dict[str, list[int]] = {}
    for path, outcome in outcomes:
        for name in (path.name.split("-")[1], "all"):
            row = counts.setdefault(name, [0, 0, 0, 0])
            row[0] += 1
            row[(DECODED, REFUSED, outcome).index(outcome) + 1] += 1
    rows = [[name, *map(str, counts[name])] for name in sorted(counts, key=lambda name: (name == "all", name))]
    return markdown(["format", "files", "decoded", "refused", "findings"], rows)


def damage(count: int, seed: int, keep: Path) -> int:
    """Decode damaged files, print what came of them and keep the findings; how many findings there are."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = list(decode_in_children(write_mutants(Path(folder), count, seed)))
        print(table(outcomes))
        findings = [(path, outcome) for path, outcome in outcomes if outcome not in (DECODED, REFUSED)]
        for path, outcome in findings:
            keep.mkdir(parents=True, exist_ok=True)
            print(f"{shutil.copy(path, keep)}: {outcome}")
    return len(findings)


def main() -> int:
    """Decode the given files, or as many damaged ones as asked for; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--count", type=int, default=3000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, default=Path("runs/hostile"))
    options.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        _child()
        return 0
    if not chosen.files:
        return 1 if damage(chosen.count, chosen.seed, chosen.keep) else 0
    outcomes = list(decode_in_children(chosen.files))
    for path, outcome in outcomes:
        print(f"{path}: {outcome}")
    return 0 if {outcome for _, outcome in outcomes} <= {DECODED, REFUSED} else 1


if __name__ == "__main__":
    sys.exit(main())
