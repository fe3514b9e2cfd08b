"""The bundled model on older and smaller CPUs: one core, a gigabyte, and instructions taken away, beside librosa.

python benchmarks/edge.py narrow [--rounds 30] [--levels native avx512 avx2 avx sse] [--layers]

Neither ONNX Runtime nor OpenBLAS can be told to leave instructions unused, so the CPU is made to deny them: the kernel
faults CPUID (``narrow.c``, built here by cc). That needs Linux on an Intel CPU, or a recent AMD one; without it the
table has the row "native" alone. Frequency, caches and memory stay those of this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from _table import TURN, data_folder, markdown

from musicfeat.demo import RATE, synthesise
from musicfeat.model.card import ModelCard
from musicfeat.model.ort import onnxruntime
from musicfeat.model.session import Session, find_model
from musicfeat.sound.audio import load
from musicfeat_export.quantised import to_int8

GIGABYTE = 1 << 30
SOURCE = Path(__file__).with_name("narrow.c")
LEVELS = {
    "native": "all that this CPU has",
    "avx512": "AVX-512, no VNNI, no AMX",
    "avx2": "AVX2 and FMA",
    "avx": "AVX (as of 2011)",
    "sse": "SSE4.2: 128 bits, as wide as Arm's NEON",
}
FILES = ("fp32", "int8")
PEER = "librosa"
GROUPS = {
    "convolutions": ("Conv", "FusedConv", "QLinearConv", "ConvInteger", "NhwcFusedConv"),
    "8 bits and back": ("QuantizeLinear", "DequantizeLinear"),
    "products": ("MatMul", "Gemm", "FusedMatMul", "FusedGemm"),
}


def main(words: list[str] | None = None) -> None:
    """Print the table, or as a child measure one level."""
    options = argparse.ArgumentParser(prog="edge.py narrow", description=__doc__)
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    options.add_argument("--layers", action="store_true", help="the time by kinds of layers, too")
    options.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args(words)
    if chosen.child:
        print(json.dumps(measured(chosen.child, chosen.rounds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        library = built(Path(folder))
        levels = chosen.levels if library else ["native"]
        found = {level: asked(level, library, Path(folder), chosen.rounds) for level in levels}
    header = ["instructions", *(f"{name}, ms" for name in FILES), "int8 / fp32", f"{PEER}, ms", f"fp32 / {PEER}"]
    print(markdown(header, [row(level, answer["times"]) for level, answer in found.items()]))
    if chosen.layers:
        print("\n" + markdown(["instructions", "file", *GROUPS, "all others"], layer_rows(found)))


def write_files(folder: Path) -> None:
    """The default model in both precisions; int8 is calibrated on music where it is, else on the demo's sound."""
    model = find_model(None)
    card = Session(model, threads=1).card
    shutil.copy(model, folder / "fp32.onnx")
    onnx.save(to_int8(onnx.load(model), calibration(card)), folder / "int8.onnx")


def calibration(card: ModelCard) -> np.ndarray:
    """[clips, window] of sound."""
    music = data_folder() / "music"
    if (music / "tracks.csv").is_file():
        from edge import training_clips

        return training_clips(card, music)
    wave = load(synthesise(), RATE, rate=card.sample_rate)
    return np.stack([np.roll(wave, shift * card.sample_rate)[: card.window] for shift in range(16)])


def built(folder: Path) -> Path | None:
    """The library that takes instructions away; None, with the reason on stderr, where it cannot be had."""
    compiler, path = shutil.which("cc") or shutil.which("gcc"), folder / "narrow.so"
    if not compiler or sys.platform != "linux" or platform.machine() != "x86_64":
        print("instructions are taken away on x86-64 Linux with a C compiler (Debian: gcc) alone", file=sys.stderr)
        return None
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", str(SOURCE), "-o", str(path)], check=True)
    tried = subprocess.run(["/bin/true"], env={"LD_PRELOAD": str(path), "NARROW": "sse"}, check=False)
    return None if tried.returncode else path


def asked(level: str, library: Path | None, folder: Path, rounds: int) -> dict[str, Any]:
    """What a process finds that runs with the instructions of a level."""
    narrow = {} if level == "native" else {"LD_PRELOAD": str(library), "NARROW": level}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, str(Path(__file__).with_name("edge.py")), "narrow", "--child", str(folder)]
    done = subprocess.run(
        [*command, "--rounds", str(rounds)],
        env=os.environ | single | narrow,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{level}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measured(folder: Path, rounds: int) -> dict[str, Any]:
    """Least CPU milliseconds of each candidate, in turns on one core, and milliseconds by kinds of layers."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_DATA, (GIGABYTE, GIGABYTE))
    import librosa

    sessions = {name: Session(folder / f"{name}.onnx", threads=1) for name in FILES}
    card = sessions["fp32"].card
    clip = load(synthesise(), RATE, rate=card.sample_rate)[: card.window]
    calls: dict[str, Any] = {name: lambda s=s: s.run(clip[None], s.outputs) for name, s in sessions.items()}
    calls[PEER] = lambda: librosa.feature.melspectrogram(y=clip, sr=card.sample_rate)
    layers = {name: layers_of(folder / f"{name}.onnx", clip, rounds) for name in FILES}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name] += [cpu_milliseconds(call) for _ in range(TURN)]
    return {"times": {name: min(values) for name, values in taken.items()}, "layers": layers}


def cpu_milliseconds(call: Callable[[], object]) -> float:
    """CPU time of a call, which waiting for other processes does not lengthen."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def layers_of(path: Path, clip: np.ndarray, rounds: int) -> dict[str, float]:
    """Milliseconds by kinds of layers: the least of the runs for each node, summed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.enable_profiling = 1, True
    options.profile_file_prefix = str(path.with_suffix(""))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for _ in range(rounds):
        session.run(None, {"waveform": clip[None]})
    least: dict[tuple[str, str], float] = {}
    for event in json.loads(Path(session.end_profiling()).read_text()):
        if event.get("cat") == "Node" and event["name"].endswith("kernel_time"):
            key = (event["args"]["op_name"], event["name"])
            least[key] = min(least.get(key, float("inf")), event["dur"] / 1000)
    found = dict.fromkeys((*GROUPS, "all others"), 0.0)
    for (kind, _), taken in least.items():
        found[next((name for name, kinds in GROUPS.items() if kind in kinds), "all others")] += taken
    return found


def row(level: str, times: dict[str, float]) -> list[str]:
    """CPU times of the candidates, and their ratios."""
    single, whole, peer = (times[name] for name in (*FILES, PEER))
    figures = (f"{single:.1f}", f"{whole:.1f}", f"{whole / single:.2f}", f"{peer:.1f}", f"{single / peer:.2f}")
    return [LEVELS[level], *figures]


def layer_rows(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Milliseconds by kinds of layers for each level and file."""
    return [
        [LEVELS[level], name, *(f"{taken:.1f}" for taken in answer["layers"][name].values())]
        for level, answer in found.items()
        for name in FILES
    ]


if __name__ == "__main__":
    main()
