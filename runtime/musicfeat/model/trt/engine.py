"""TensorRTEngine: runs a model on TensorRT, from an engine in a file or the cache, or newly built."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import DeviceError, InputError, ModelError
from musicfeat.model.card import card_from_metadata
from musicfeat.model.engine import INPUT, Device
from musicfeat.model.opening import Opening
from musicfeat.model.pruning import keep_outputs, metadata
from musicfeat.model.trt import cache, memory, sealed
from musicfeat.model.trt.build import build
from musicfeat.model.trt.library import errors, logger, target, tensorrt
from musicfeat.model.trt.recipe import WORKSPACE, Profile, Recipe, digest, from_header


def open_engine(opening: Opening) -> TensorRTEngine:
    """The engine of an engine's file, or of an ONNX file by way of the cache.

    Raises:
        ModelError: the file is damaged, or was built for another GPU or another TensorRT.
        DeviceError: TensorRT or the GPU is missing or fails.
        InputError: a workspace is given for an engine that is built already.
    """
    path, device = opening.path, opening.device
    if sealed.is_sealed(path):
        if opening.memory is not None:
            raise InputError(f"{path} is an engine, its memory was settled when it was built: leave memory out")
        return _from_file(path, device)
    onnx, card = _read_model(path, opening.outputs)
    recipe = Recipe(digest(onnx), target(device), workspace=opening.memory or WORKSPACE)
    memory.use(device.index)
    engine = cache.cached(
        cache.folder() / f"{recipe.key}.engine", recipe.header(card), lambda: _build(onnx, recipe), _deserialized
    )
    if engine is None:
        raise DeviceError(f"TensorRT refuses the engine that it just built of {path}: {errors()}")
    return TensorRTEngine(engine, recipe, card, device)


def write_engine(model: Path, path: Path, device: Device, profile: Profile, workspace: int = WORKSPACE) -> Recipe:
    """Build an engine from an ONNX file and write it, with the model's card.

    Raises:
        ModelError: TensorRT cannot build the model.
        DeviceError: TensorRT or the GPU is missing or fails.
    """
    onnx, card = _read_model(model, None)
    recipe = Recipe(digest(onnx), target(device), profile, workspace)
    memory.use(device.index)
    sealed.write(path, recipe.header(card), _build(onnx, recipe))
    return recipe


class TensorRTEngine:
    """Engine of TensorRT (see ``musicfeat.model.engine.Engine``); it cuts up large batches, and threads take turns.

    Args:
        engine: TensorRT's ``ICudaEngine``.
        recipe: recipe that it was built from.
        metadata: the model's card.
        device: device that it runs on.
    """

    def __init__(self, engine: Any, recipe: Recipe, metadata: Mapping[str, str], device: Device) -> None:
        trt = tensorrt()
        self.metadata, self.providers = dict(metadata), [f"TensorRT {recipe.target.tensorrt}"]
        self._engine, self._profile, self._index = engine, recipe.profile, device.index
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        shapes = {name: list(engine.get_tensor_shape(name)) for name in names}
        incoming = {name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT}
        self.inputs: dict[str, list[Any]] = {name: shape for name, shape in shapes.items() if name in incoming}
        self.outputs: dict[str, list[Any]] = {name: shape for name, shape in shapes.items() if name not in incoming}
        self._types = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}
        if set(self.inputs) != {INPUT} or self._types[INPUT] != np.float32 or len(self.inputs[INPUT]) != 2:
            raise ModelError(f"an engine needs one input {INPUT!r} of float32 [batch, samples], got {self.inputs}")
        self._context = engine.create_execution_context()
        if self._context is None:
            raise DeviceError(f"TensorRT cannot make room for the engine on {device}: {errors()}")
        self._stream, self._turn = memory.Stream(), threading.Lock()
        self._buffers = self._bound(names)

    def run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """The outputs asked for, computed from windows [batch, samples].

        Raises:
            InputError: the batch cannot be cut to fit the profile.
            DeviceError: the GPU fails.
        """
        places = np.cumsum(self._profile.split(len(windows)))[:-1]
        with self._turn:
            memory.use(self._index)
            runs = [self._run(outputs, np.ascontiguousarray(batch)) for batch in np.split(windows, places)]
        return [np.concatenate(values) for values in zip(*runs, strict=True)]

    def _run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        self._set_shape(windows.shape)
        self._stream.upload(self._buffers[INPUT], windows)
        if not self._context.execute_async_v3(int(self._stream)):
            raise DeviceError(f"TensorRT cannot run {windows.shape[0]} windows: {errors()}")
        values = [self._stream.download(self._buffers[n], self._shape(n), self._types[n]) for n in outputs]
        self._stream.wait()
        return [value.astype(np.float32, copy=False) for value in values]

    def _bound(self, names: list[str]) -> dict[str, memory.Buffer]:
        """A buffer for each tensor, large enough for the largest batch."""
        self._set_shape((self._profile.max, *self.inputs[INPUT][1:]))
        buffers = {}
        for name in names:
            buffers[name] = memory.Buffer(int(np.prod(self._shape(name))) * self._types[name].itemsize)
            if not self._context.set_tensor_address(name, buffers[name].address):
                raise DeviceError(f"TensorRT does not take the memory for {name}: {errors()}")
        return buffers

    def _set_shape(self, shape: tuple[int, ...]) -> None:
        if not self._context.set_input_shape(INPUT, shape):
            raise DeviceError(f"TensorRT does not take input of shape {shape}: {errors()}")

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._context.get_tensor_shape(name))
        if min(shape, default=0) < 0:
            raise ModelError(f"the shape of {name} depends on values, {shape}: that cannot be run")
        return shape


def _from_file(path: Path, device: Device) -> TensorRTEngine:
    header, payload = sealed.read(path)
    recipe, card = from_header(header, str(path))
    here = target(device)
    if recipe.target != here:
        raise ModelError(
            f"{path} is an engine for {recipe.target}, here is {here}: engines do not travel, "
            "build it anew with `musicfeat-export tensorrt`"
        )
    memory.use(device.index)
    engine = _deserialized(payload)
    if engine is None:
        raise ModelError(f"TensorRT refuses {path}: {errors()}; build it anew with `musicfeat-export tensorrt`")
    return TensorRTEngine(engine, recipe, card, device)


def _read_model(path: Path, outputs: Iterable[str] | None) -> tuple[bytes, dict[str, str]]:
    """A model's bytes, cut down to some outputs, and its card."""
    try:
        onnx = path.read_bytes()
        pairs = metadata(onnx)
    except (OSError, ModelError) as error:
        raise ModelError(
            f"{path} is neither an ONNX model nor an engine of `musicfeat-export tensorrt`: {error}"
        ) from error
    chosen = card_from_metadata(pairs, str(path)).chosen(outputs, str(path))
    return onnx if outputs is None else keep_outputs(onnx, set(chosen)), pairs


def _build(onnx: bytes, recipe: Recipe) -> bytes:
    engine, timings = build(onnx, recipe.profile, recipe.workspace, cache.timings(recipe.target))
    cache.write_timings(recipe.target, timings)
    return engine


def _deserialized(payload: bytes) -> Any:
    """An ``ICudaEngine``, or None if TensorRT refuses the bytes; the engine keeps its runtime alive."""
    return tensorrt().Runtime(logger()).deserialize_cuda_engine(payload)
