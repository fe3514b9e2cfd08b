"""A model in ONNX Runtime, on the CPU or on a GPU through its CUDA provider."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import DeviceError, ModelError
from musicfeat.model.engine import INPUT, Device
from musicfeat.model.pruning import keep_outputs

if TYPE_CHECKING:
    import onnxruntime

GPU_INSTALL = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'"
GPU_FAILURES = ("cuda", "cudnn", "cublas", "gpu_mem_limit", "memory arena")
"""Words by which ONNX Runtime's errors about a GPU are told from those about a model."""


class OnnxRuntimeEngine:
    """See ``musicfeat.model.engine.Engine``."""

    def __init__(
        self, path: Path, device: Device, threads: int, outputs: Iterable[str] | None, memory: int | None
    ) -> None:
        self._session = session = _open(path, device, threads, outputs, memory)
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.inputs: dict[str, list[Any]] = {value.name: list(value.shape) for value in session.get_inputs()}
        self.outputs: dict[str, list[Any]] = {value.name: list(value.shape) for value in session.get_outputs()}
        self.providers: list[str] = list(session.get_providers())
        batch = self.inputs[INPUT][0] if INPUT in self.inputs else None
        self._batch: int | None = batch if isinstance(batch, int) else None

    def run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> Sequence[npt.NDArray[np.float32]]:
        """The outputs asked for, of windows [batch, samples]; a file of fixed batch gets as many runs as it takes."""
        if self._batch is None:
            return self._session.run(list(outputs), {INPUT: windows})
        missing = -len(windows) % self._batch
        whole = np.pad(windows, ((0, missing), (0, 0)))
        runs = [self._session.run(list(outputs), {INPUT: part}) for part in np.split(whole, len(whole) // self._batch)]
        return [np.concatenate(parts)[: len(windows)] for parts in zip(*runs, strict=True)]


def provider_of(device: Device, memory: int | None) -> tuple[str, dict[str, str]]:
    """The execution provider of a device, and its options."""
    if device.kind == "cpu":
        return "CPUExecutionProvider", {}
    options = {
        "device_id": str(device.index),
        # The default, an exhaustive search for convolutions, runs again for every new batch size.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 keeps 10 bits of a product's mantissa: too few for the spectrogram, and not what a CPU answers.
        "use_tf32": "0",
    }
    return "CUDAExecutionProvider", options | ({} if memory is None else {"gpu_mem_limit": str(memory)})


def _open(
    path: Path, device: Device, threads: int, outputs: Iterable[str] | None, memory: int | None
) -> onnxruntime.InferenceSession:
    try:
        from musicfeat.ort import onnxruntime
    except ImportError as error:
        raise DeviceError(f"onnxruntime cannot be imported ({error}): pip install onnxruntime") from error

    provider, provider_options = provider_of(device, memory)
    _check_available(onnxruntime, device, provider)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        model = os.fspath(path) if outputs is None else keep_outputs(path.read_bytes(), set(outputs))
        session = onnxruntime.InferenceSession(
            model, options, providers=[provider], provider_options=[provider_options], enable_fallback=0
        )
    except Exception as error:  # onnxruntime raises a dozen unrelated classes for a bad file
        raise _explained(error, path, device) from error
    if session.get_providers()[0] != provider:
        raise DeviceError(
            f"asked for {provider}, onnxruntime enabled only {session.get_providers()}: it cannot load CUDA or cuDNN "
            f"in the version that it was built for; {GPU_INSTALL}"
        )
    return session


def _check_available(onnxruntime: Any, device: Device, provider: str) -> None:
    if provider not in onnxruntime.get_available_providers():
        raise DeviceError(
            f"device {str(device)!r} needs {provider}, this onnxruntime has {onnxruntime.get_available_providers()}; "
            f"run `musicfeat info` to see what is installed, or {GPU_INSTALL}"
        )
    if device.kind == "cuda":
        device.check()
        if hasattr(onnxruntime, "preload_dlls"):  # CUDA's libraries from PyPI lie where the loader does not look
            with redirect_stdout(sys.stderr):
                onnxruntime.preload_dlls()


def _explained(error: Exception, path: Path, device: Device) -> DeviceError | ModelError:
    text = str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    cause = text.replace(str(path), "").lower()
    if device.kind == "cuda" and any(word in cause for word in GPU_FAILURES):
        return DeviceError(f"{path} cannot be loaded on {device}: {line}")
    return ModelError(f"{path} cannot be loaded as an ONNX model: {line}")
