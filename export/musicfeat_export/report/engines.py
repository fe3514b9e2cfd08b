"""Parity of every engine: distance of its outputs from a numpy evaluation of the graph on the same windows."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx.reference import ReferenceEvaluator

from musicfeat.errors import MusicfeatError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session, cores, levelled
from musicfeat_export.comparison import least_cosine, outputs_of
from musicfeat_export.half import to_half
from musicfeat_export.parity import probe_windows
from musicfeat_export.quantised import to_int8
from musicfeat_trainer.bundled.model import load_model

Outputs = dict[str, npt.NDArray[np.float32]]
Windows = npt.NDArray[np.float32]
DEVICES = ("cuda:0", "tensorrt:0", "openvino:CPU", "coreml", "directml:0", "qnn")
"""Devices beside the CPU; most are missing on any one machine, and their rows say what they would need."""
HALF_DEVICES = ("cuda:0", "tensorrt:0")
WEB_SCRIPT = Path(__file__).with_name("web_engine.mjs")
REFERENCE = "numpy (onnx.reference)"


class UnavailableError(Exception):
    """An engine is not available; the message says why."""


@dataclass(frozen=True)
class Parity:
    """An engine's distance from the reference, or the reason why it could not run."""

    engine: str
    embedding: float | None = None
    """Greatest absolute difference in the embedding."""
    cosine: float | None = None
    """Least cosine between an embedding and the reference's."""
    others: float | None = None
    """Greatest absolute difference in any other output."""
    reason: str = ""


@dataclass(frozen=True)
class ReportInputs:
    """Optional inputs of a report beside the model file; rows of missing inputs stay empty."""

    clips: Windows | None = None
    """[clips, window] of real sound: half of it calibrates int8, the rest measures parity."""
    run: Path | None = None
    """The training run that the file was exported from, to compare with torch."""
    web: Path | None = None
    """A ``node_modules`` folder that holds onnxruntime-web."""


def parities(model: Path, inputs: ReportInputs) -> list[Parity]:
    """Parity of every engine and precision with the reference, on real clips or synthetic windows."""
    card = Session(model, threads=1).card
    windows = levelled(probe_windows(card, 3, 1.0)[:2] if inputs.clips is None else inputs.clips[1::2][:4])
    with tempfile.TemporaryDirectory() as folder:
        expected = evaluate(onnx.load(model), windows)
        engines = _engines(model, windows, inputs, Path(folder))
        return [_measured(name, engine, expected, card) for name, engine in engines]


def evaluate(proto: onnx.ModelProto, windows: Windows) -> Outputs:
    """Outputs of ONNX's reference implementation in numpy, which computes float16 in float16."""
    values = ReferenceEvaluator(proto).run(None, {"waveform": windows})
    return {value.name: np.asarray(x) for value, x in zip(proto.graph.output, values, strict=True)}


def _measured(name: str, engine: Callable[[], Outputs], expected: Outputs, card: ModelCard) -> Parity:
    try:
        found = engine()
    except (UnavailableError, MusicfeatError) as error:
        return Parity(name, reason=str(error))
    gaps = {output: float(np.abs(expected[output] - found[output]).max()) for output in card.outputs}
    others = max((gap for output, gap in gaps.items() if output != "embedding"), default=0.0)
    return Parity(name, gaps["embedding"], least_cosine(expected["embedding"], found["embedding"]), others)


def _engines(
    model: Path, windows: Windows, inputs: ReportInputs, folder: Path
) -> Iterator[tuple[str, Callable[[], Outputs]]]:
    threads = max(2, cores())
    yield "torch", lambda: _in_torch(windows, inputs.run)
    yield "CPU, 1 thread", lambda: outputs_of(Session(model, threads=1), windows)
    yield f"CPU, {threads} threads", lambda: outputs_of(Session(model, threads=threads), windows)
    yield from ((device, partial(_on, device, model, windows)) for device in DEVICES)
    yield "onnxruntime-web, wasm", lambda: _in_web(model, windows, inputs.web, folder)
    yield "fp16, numpy", lambda: evaluate(to_half(onnx.load(model)), windows)
    yield from ((f"fp16, {device}", partial(_half_on, device, model, windows, folder)) for device in HALF_DEVICES)
    yield (
        "int8, CPU, 1 thread",
        lambda: outputs_of(Session(_int8(model, inputs.clips, folder), threads=1), windows),
    )


def _on(device: str, model: Path, windows: Windows) -> Outputs:
    return outputs_of(Session(model, device), windows)


def _half_on(device: str, model: Path, windows: Windows, folder: Path) -> Outputs:
    onnx.save(to_half(onnx.load(model)), folder / "half.onnx")
    return _on(device, folder / "half.onnx", windows)


def _int8(model: Path, clips: Windows | None, folder: Path) -> Path:
    if clips is None:
        raise UnavailableError("needs real sound to calibrate on: --clips FOLDER")
    onnx.save(to_int8(onnx.load(model), clips[::2]), folder / "int8.onnx")
    return folder / "int8.onnx"


def _in_torch(windows: Windows, run: Path | None) -> Outputs:
    if run is None:
        raise UnavailableError("needs the training run that the file was exported from: --run RUN")
    model, _ = load_model(run)
    with torch.no_grad():
        found = model(torch.from_numpy(windows))
    return {name: value.numpy() for name, value in found._asdict().items() if value is not None}


def _in_web(model: Path, windows: Windows, modules: Path | None, folder: Path) -> Outputs:
    """Outputs of onnxruntime-web's WebAssembly in Node."""
    node, package = shutil.which("node"), modules and modules / "onnxruntime-web"
    if not node or not package or not package.is_dir():
        raise UnavailableError("needs Node and onnxruntime-web: npm install onnxruntime-web, then --web node_modules")
    (folder / "windows.bin").write_bytes(np.ascontiguousarray(windows).tobytes())
    shape = [str(size) for size in windows.shape]
    command = [node, str(WEB_SCRIPT), str(package.resolve()), str(model), str(folder / "windows.bin"), *shape]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"Node failed: {done.stderr.strip().splitlines()[-1:]}")
    found = json.loads(done.stdout)
    return {name: np.array(value["data"], np.float32).reshape(value["dims"]) for name, value in found.items()}
