"""One model in its files on every engine that this machine has: size, time beside the CPU provider, agreement with it.

python benchmarks/edge.py engines [--rounds 8] [--windows 16] [--openvino PYTHON] [--web runtime/web/node_modules]

Each pair of file and engine is a process that keeps its session open; all take turns, and the least CPU time of one
window, all outputs, on one thread counts. PYTHON is the interpreter of an environment with onnxruntime-openvino, numpy,
soundfile and soxr, since the packages named onnxruntime overwrite each other. Windows are of sources that training
never saw, and int8 is calibrated on others, where $MUSICFEAT_DATA has music; else both are of the demo's sound.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from _table import ROOT, data_folder, markdown
from narrow import calibration

from musicfeat.demo import RATE, synthesise
from musicfeat.model.session import Session, find_model
from musicfeat.sound.audio import load
from musicfeat_export.comparison import least_cosine
from musicfeat_export.quantised import to_int8
from musicfeat_export.stored import to_stored

HERE = Path(__file__).parent
HEADER = ["file", "MB", "engine", "ms", "time / CPU provider", "opened in, s", "embedding: largest difference"]
HEADER += ["least cosine", "other outputs: largest difference"]
Outputs = dict[str, npt.NDArray[np.float32]]


@dataclass
class Engine:
    """A process that holds one file in one engine and answers line by line; see engine.py."""

    file: Path
    name: str
    command: Sequence[str]
    """Command that is given the file, the file of windows and the number of samples of each."""
    taken: list[float] = field(default_factory=list)
    """CPU milliseconds of a window, one for each call."""

    def open(self, windows: Path, samples: int) -> None:
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        arguments = [*self.command, str(self.file), str(windows), str(samples)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(arguments, env=os.environ | single, **pipes)
        self.opening = float(self._line())

    def ask(self, words: str) -> str:
        """The line that answers a line."""
        assert self.process.stdin
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self._line()

    def outputs(self, folder: Path) -> Outputs:
        """Every output over all windows."""
        names = self.ask(f"judge {folder}").split()
        return {name: np.fromfile(folder / name, np.float32) for name in names}

    def close(self) -> None:
        self.process.communicate()

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self.name} ended without an answer; its words stand above")
        return line


def main(words: list[str] | None = None) -> None:
    """Print the table."""
    options = argparse.ArgumentParser(prog="edge.py engines", description=__doc__)
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument("--windows", type=int, default=16, help="greatest number of windows to compare")
    options.add_argument("--openvino", type=Path, help="interpreter of an environment with onnxruntime-openvino")
    options.add_argument("--web", type=Path, default=ROOT / "runtime" / "web" / "node_modules")
    chosen = options.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        windows = some_windows(chosen.windows)
        windows.tofile(folder / "windows.f32")
        engines = list(engines_of(write_files(folder), chosen.openvino, chosen.web))
        for engine in engines:
            engine.open(folder / "windows.f32", windows.shape[1])
        for _ in range(chosen.rounds):
            for engine in engines:
                engine.taken.append(float(engine.ask("time")))
        found = [engine.outputs(folder) for engine in engines]
        print(markdown(HEADER, [row(engines, found, i, len(windows)) for i in range(len(engines))]))
        for engine in engines:
            engine.close()


def some_windows(most: int) -> npt.NDArray[np.float32]:
    """[windows, samples] of unseen music, or of the demo's sound."""
    card, music = Session(find_model(None), threads=1).card, data_folder() / "music"
    if (music / "tracks.csv").is_file():
        from edge import unseen_clips

        found = unseen_clips(card, music, 1)
        return np.ascontiguousarray(found[:: max(1, len(found) // most)][:most])
    wave = load(synthesise(), RATE, rate=card.sample_rate)
    return np.stack([np.roll(wave, shift * card.sample_rate // 2)[: card.window] for shift in range(most)])


def write_files(folder: Path) -> dict[str, Path]:
    """The bundled model as it is, with weights stored in 16 bits, and with 8-bit convolutions."""
    model, made = find_model(None), {name: folder / f"{name}.onnx" for name in ("fp32", "stored16", "int8")}
    shutil.copy(model, made["fp32"])
    onnx.save(to_stored(onnx.load(model)), made["stored16"])
    onnx.save(to_int8(onnx.load(model), calibration(Session(model, threads=1).card)), made["int8"])
    return made


def engines_of(files: dict[str, Path], openvino: Path | None, web: Path) -> Iterator[Engine]:
    """Every file on every engine that is here; what is missing is told on stderr."""
    node = shutil.which("node")
    commands = {"CPU provider": [sys.executable, str(HERE / "engine.py"), "cpu"]}
    if openvino:
        commands["OpenVINO on the CPU"] = [str(openvino), str(HERE / "engine.py"), "openvino:CPU"]
    if node and (web / "onnxruntime-web").is_dir():
        for name, device in (("onnxruntime-node", "cpu"), ("WebAssembly in Node", "wasm")):
            commands[name] = [node, str(HERE / "engine.mjs"), device]
    else:
        print(f"no Node, or no onnxruntime-web in {web}: npm ci --prefix runtime/web", file=sys.stderr)
    for path in files.values():
        yield from (Engine(path, name, command) for name, command in commands.items())


def row(engines: list[Engine], found: list[Outputs], number: int, windows: int) -> list[str]:
    """An engine's figures beside those of fp32 on the CPU provider, which is the first."""
    engine, reference, here = engines[number], found[0], found[number]
    gaps = {name: float(np.abs(reference[name] - here[name]).max()) for name in reference}
    cosine = least_cosine(*(outputs["embedding"].reshape(windows, -1) for outputs in (reference, here)))
    least = min(engine.taken)
    figures = [f"{least:.1f}", f"{least / min(engines[0].taken):.2f}", f"{engine.opening:.2f}"]
    agreement = [f"{gaps.pop('embedding'):.1e}", f"{cosine:.6f}", f"{max(gaps.values()):.1e}"]
    return [engine.file.stem, f"{engine.file.stat().st_size / 1e6:.1f}", engine.name, *figures, *agreement]


if __name__ == "__main__":
    main()
