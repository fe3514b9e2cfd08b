"""Everything that a GPU is to be asked about musicfeat, in under ten minutes, on a machine that has Python and wheels.

python benchmarks/gpu [--device cuda:0] [--wheels wheels] [--minutes 9] [--output gpu.md]

The checkout itself needs no installation. Wheels in the folder ``wheels`` (onnxruntime-gpu, soundfile, soxr, onnx, ...)
are unpacked into a temporary folder, ahead of what the machine has. Each question is asked in a process of its own: one
that fails, hangs or lacks a library says so in its place, and the tables found so far are in the output already.
``--device cpu`` asks the same of the CPU.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST_SECONDS = 5.0
QUESTIONS = {
    "machine": "Machine",
    "parity": "Parity with the CPU",
    "throughput": "Throughput in ONNX Runtime",
    "int16": "Sound as 16-bit whole numbers",
    "network": "The same network in torch, fresh weights",
    "training": "Training",
    "tensorrt": "TensorRT",
}
"""Headings by the names of the modules, the longest last."""


def unpack(wheels: Path, folder: Path) -> None:
    """Install wheels into a folder without asking any index.

    Raises:
        SystemExit: pip refuses one; its words are on stderr.
    """
    found = sorted(map(str, wheels.glob("*.whl")))
    if found:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile"]
        if subprocess.run([*command, "--target", str(folder), *found], check=False).returncode:
            raise SystemExit(f"the wheels in {wheels} do not suit {sys.executable}, {sys.version.split()[0]}")


def environment(folder: Path) -> dict[str, str]:
    """Variables for the questions: unpacked wheels first, then the checkout."""
    paths = [folder, *(ROOT / name for name in ("runtime", "trainer", "export")), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(path) for path in paths if str(path))}


def asked(name: str, arguments: list[str], variables: dict[str, str], seconds: float) -> str:
    """A question's Markdown, or why there is none."""
    if seconds < LEAST_SECONDS:
        return "Left out: no time was left."
    command = [sys.executable, str(Path(__file__).parent / "question.py"), name, *arguments]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"Left out: it was not done after {seconds:.0f} s."
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        return f"Not available: {said[-1]}"
    return done.stdout.strip()


def main() -> None:
    """Ask, print and write everything."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda:0", help="cuda:INDEX or cpu")
    options.add_argument("--wheels", type=Path, default=ROOT / "wheels", help="folder of wheels; need not exist")
    options.add_argument("--minutes", type=float, default=9.0, help="time for all questions")
    options.add_argument("--only", choices=QUESTIONS, nargs="+", default=list(QUESTIONS))
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 256])
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--output", type=Path, help="file to write after each question")
    chosen = options.parse_args()
    end, told = time.monotonic() + 60 * chosen.minutes, "# musicfeat on a GPU\n"
    with tempfile.TemporaryDirectory() as folder:
        unpack(chosen.wheels, Path(folder))
        variables = environment(Path(folder))
        arguments = ["--device", chosen.device, "--rounds", str(chosen.rounds), "--batches", *map(str, chosen.batches)]
        for name in chosen.only:
            begun = time.monotonic()
            answer = asked(name, [*arguments, "--folder", folder], variables, end - begun)
            part = f"\n## {QUESTIONS[name]}\n\n{answer}\n\n*{time.monotonic() - begun:.0f} s*\n"
            print(part, flush=True)
            told += part
            if chosen.output:
                chosen.output.write_text(told)


if __name__ == "__main__":
    main()
