"""A model in ONNX Runtime, on the CPU or on another device through one of its execution providers."""

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
from musicfeat.model.denormals import flushed
from musicfeat.model.engine import INPUT, Device
from musicfeat.model.opening import Opening
from musicfeat.model.providers import PROVIDERS, provider_of, settings_of
from musicfeat.model.pruning import keep_outputs

if TYPE_CHECKING:
    import onnxruntime

LARGEST_MESSAGE = 2**31
"""Bytes that no protocol buffer reaches."""


class OnnxRuntimeEngine:
    """Engine of ONNX Runtime (see ``musicfeat.model.engine.Engine``)."""

    def __init__(self, opening: Opening) -> None:
        self._session = session = _open(opening)
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.inputs: dict[str, list[Any]] = {value.name: list(value.shape) for value in session.get_inputs()}
        self.outputs: dict[str, list[Any]] = {value.name: list(value.shape) for value in session.get_outputs()}
        self.providers: list[str] = list(session.get_providers())
        batch = self.inputs[INPUT][0] if INPUT in self.inputs else None
        self._batch: int | None = batch if isinstance(batch, int) else None

    def run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> Sequence[npt.NDArray[np.float32]]:
        """The outputs asked for, computed from windows [batch, samples]; in several runs if its batch is fixed."""
        if self._batch is None:
            return self._session.run(list(outputs), {INPUT: windows})
        missing = -len(windows) % self._batch
        whole = np.pad(windows, ((0, missing), (0, 0)))
        runs = [
            self._session.run(list(outputs), {INPUT: batch}) for batch in np.split(whole, len(whole) // self._batch)
        ]
        return [np.concatenate(values)[: len(windows)] for values in zip(*runs, strict=True)]


def _open(opening: Opening) -> onnxruntime.InferenceSession:
    try:
        from musicfeat.model.ort import onnxruntime
    except ImportError as error:
        raise DeviceError(f"onnxruntime cannot be imported ({error}): pip install onnxruntime") from error

    path, device, outputs = opening.path, opening.device, opening.outputs
    provider, provider_options = provider_of(device, opening.memory, opening.options, opening.threads)
    _check_available(onnxruntime, device, provider)
    options = _session_options(onnxruntime, opening)
    try:
        session = onnxruntime.InferenceSession(
            _model(path, outputs), options, providers=[provider], provider_options=[provider_options], enable_fallback=0
        )
    except Exception as error:  # onnxruntime raises a dozen unrelated classes for a bad file
        raise _explained(error, path, device) from error
    if session.get_providers()[0] != provider:
        raise DeviceError(
            f"asked for {provider}, onnxruntime enabled only {session.get_providers()}: it cannot load what {device} "
            f"needs in the version that it was built for; {PROVIDERS[device.kind].install}"
        )
    return session


def _model(path: Path, outputs: Iterable[str] | None) -> str | bytes:
    """The model's path; or its bytes, if outputs are to be cut off or weights to be changed."""
    if path.suffix == ".ort" or path.stat().st_size >= LARGEST_MESSAGE:
        return os.fspath(path)
    whole = path.read_bytes()
    model = flushed(whole if outputs is None else keep_outputs(whole, set(outputs)))
    return os.fspath(path) if model is whole else model


def _session_options(onnxruntime: Any, opening: Opening) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = opening.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if opening.device.kind == "directml":
        options.enable_mem_pattern = False  # DirectML's provider demands it
    # Where the weights beside a model are, if it comes as bytes.
    folder = os.fspath(opening.path.parent)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    for name, value in settings_of(opening.device, opening.options).items():
        options.add_session_config_entry(name, value)
    return options


def _check_available(onnxruntime: Any, device: Device, provider: str) -> None:
    if provider not in onnxruntime.get_available_providers():
        raise DeviceError(
            f"device {str(device)!r} needs {provider}, this onnxruntime has {onnxruntime.get_available_providers()}; "
            f"run `musicfeat info` to see what is installed, or {PROVIDERS[device.kind].install}"
        )
    if device.kind == "cuda":
        device.check()
        if hasattr(onnxruntime, "preload_dlls"):  # the loader does not search the folder of CUDA's libraries from PyPI
            with redirect_stdout(sys.stderr):
                onnxruntime.preload_dlls()


def _explained(error: Exception, path: Path, device: Device) -> DeviceError | ModelError:
    text = str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    cause = text.replace(str(path), "").lower()
    if "fallback to cpu" in cause:
        reason = "it is not there, or lacks an operator that would have to run on the CPU"
        return DeviceError(f"{path} cannot be run on {device} alone: {reason} ({line})")
    if any(word in cause for word in PROVIDERS[device.kind].words):
        return DeviceError(f"{path} cannot be loaded on {device}: {line}")
    return ModelError(f"{path} cannot be loaded as an ONNX model: {line}")
