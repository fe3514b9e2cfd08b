"""Coverage-guided fuzzing of the way from a file to windows, with atheris.

It begins with short files of every format and goes on from what reaches new branches of musicfeat's own code. Any
exception but a MusicfeatError, a crash, a window that is not as promised, too much time or memory is a finding: the
input is kept, the run ends, and the exit code is 1. Without atheris it is 2.

python benchmarks/fuzz.py [--seconds 60] [--keep runs/fuzz]
python benchmarks/fuzz.py --replay FILE
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _table import markdown

from support.mutants import mutate, write_seeds

RATE = 22050
WINDOW, HOP = 4410, 1470
SECONDS, MEGABYTES = 10, 1024
"""Limits for one input."""
LONGEST = 1 << 16
"""Most bytes of an input."""
INSTRUMENTED = [f"musicfeat.sound.{name}" for name in ("audio", "mp3", "waveform", "windows")]
MISSING = "fuzzing needs atheris: pip install atheris. Its wheels are for Linux on x86-64 and CPython up to 3.14"


def check(path: Path) -> str:
    """Decode a file and cut it into windows; return whether it was refused, and raise on a finding."""
    from musicfeat.errors import MusicfeatError
    from musicfeat.sound.audio import blocks
    from musicfeat.sound.windows import cut

    start = 0
    try:
        for window in cut(blocks(path, rate=RATE), WINDOW, HOP):
            assert window.start == start, f"a window at {window.start} instead of {start}"
            assert 1 <= window.valid <= WINDOW, f"a window of {window.valid} samples"
            assert window.samples.dtype == np.float32
            assert np.isfinite(window.samples).all(), "samples that are not finite"
            start += HOP
    except MusicfeatError as error:
        return f"refused: {error}"
    return f"decoded into {start // HOP} windows"


def fuzz(seconds: int, keep: Path) -> int:
    """Fuzz in a child process, which a finding ends; print a table; return the exit code."""
    keep.mkdir(parents=True, exist_ok=True)
    known = set(keep.iterdir())
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder) / "corpus")
        command = [sys.executable, __file__, "--worker", folder, "--seconds", str(seconds), "--keep", str(keep)]
        child = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    findings = sorted(set(keep.iterdir()) - known)
    inputs = re.findall(r"stat::number_of_executed_units:\s*(\d+)", child.stderr)
    reached = re.findall(r"cov: (\d+)", child.stderr)
    row = [str(seconds), *(found[-1] if found else "?" for found in (inputs, reached)), str(len(findings))]
    print(markdown(["seconds", "inputs", "branches reached", "findings"], [row]))
    if child.returncode and not findings:
        print(f"the fuzzer ended with {child.returncode}:\n{child.stderr[-2000:]}", file=sys.stderr)
    for path in findings:
        print(f"python benchmarks/fuzz.py --replay {path}", *_again(path), sep="\n")
    return 1 if findings or child.returncode else 0


def _again(path: Path) -> list[str]:
    """The last lines of output when a finding is run again."""
    command = [sys.executable, "-X", "faulthandler", __file__, "--replay", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [f"takes more than {SECONDS} s"]
    return [f"exit code {done.returncode}", *(done.stdout + done.stderr).splitlines()[-5:]]


def _work(folder: Path, seconds: int, keep: Path) -> None:
    """Hand over to libFuzzer, which ends this process."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        import musicfeat.sound.audio
        import musicfeat.sound.windows  # noqa: F401
    path = folder / "input"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        check(path)

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        generator = np.random.default_rng(seed)
        return mutate(data, generator)[:longest] if generator.integers(2) else atheris.Mutate(data, longest)

    limits = [f"-max_total_time={seconds}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={LONGEST}"]
    options = [*limits, f"-artifact_prefix={keep}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(folder / "corpus")], run, custom_mutator=mutated)
    atheris.Fuzz()


def main() -> int:
    """Fuzz, or run one input again; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--keep", type=Path, default=Path("runs/fuzz"))
    options.add_argument("--replay", type=Path, metavar="FILE")
    options.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.replay:
        print(check(chosen.replay))
        return 0
    if not find_spec("atheris"):
        print(MISSING, file=sys.stderr)
        return 2
    if chosen.worker:
        _work(chosen.worker, chosen.seconds, chosen.keep)
    return fuzz(chosen.seconds, chosen.keep)


if __name__ == "__main__":
    sys.exit(main())
