"""Session: a model found, opened on a device and checked against its card."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError, ModelError
from musicfeat.model.card import ModelCard, card_from_metadata
from musicfeat.model.cores import cores
from musicfeat.model.engine import INPUT, Engine
from musicfeat.model.opening import Opening, checked
from musicfeat.model.providers import Options
from musicfeat.model.trt import sealed

MODELS = Path(__file__).parents[1] / "models"
QUIET = 2.0**-6
DEFAULT_MODEL = "music-small"


__all__ = ["Session", "bundled_models", "cores", "find_model", "levelled"]


class Session:
    """A model file, loaded on one device, whole or cut down to some of its outputs.

    Sessions can be neither pickled nor used after a fork: open one in each worker process.

    Args:
        model: path of an ONNX file, of an engine that ``musicfeat-export tensorrt`` built, or name of a bundled model.
        device: as for ``Extractor``. TensorRT builds an engine from an ONNX file once, in minutes,
            and keeps it in the user's cache.
        threads: threads on the CPU; None is one for each core that this process may use.
        outputs: names of the outputs to keep; None is all.
        memory: limit in bytes on the GPU memory of ONNX Runtime's arena (None: no limit) or TensorRT's workspace
            (None: a gibibyte).
        options: options of ONNX Runtime's execution provider, and of its session if the name begins with "session.".
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        threads: int | None = None,
        outputs: Iterable[str] | None = None,
        memory: int | None = None,
        options: Options | None = None,
    ) -> None:
        opening = checked(find_model(model), device, threads, outputs, memory, options)
        self.path, self.device, self.threads = opening.path, device, opening.threads
        self.windows = opening.device.windows
        self._engine = _open(opening)
        self.card: ModelCard = card_from_metadata(self._engine.metadata, str(self.path))
        self.outputs = self.card.chosen(outputs, str(self.path))
        _check_graph(self._engine, self.card, self.outputs, self.path)

    @property
    def providers(self) -> list[str]:
        """Providers that really run the model, best first: ONNX Runtime's execution providers, or TensorRT."""
        return self._engine.providers

    @property
    def dimension(self) -> int:
        """Number of values in an embedding."""
        return int(self._engine.outputs["embedding"][1])

    def run(self, windows: npt.NDArray[np.float32], outputs: tuple[str, ...]) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs of the model for a batch of windows.

        Args:
            windows: [batch, window] float32, any level.
            outputs: names of the outputs to return.

        Returns:
            Each output by name, its first axis the batch.
        """
        values = self._engine.run(outputs, windows if self.card.level_matters else levelled(windows))
        return dict(zip(outputs, values, strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a musicfeat Session cannot be pickled: open one in each worker process")


def levelled(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Windows with very loud and very quiet ones scaled to a peak between 1/2 and 1, by a power of two and so exactly.

    The spectrogram inside a model depends on ratios alone, but squares its samples: far from 1 they overflow, or
    fall below the threshold of silence.
    """
    peaks = np.maximum(windows.max(axis=1), -windows.min(axis=1))
    far = (peaks > 0) & ((peaks < QUIET) | (peaks > 1 / QUIET))
    if not far.any():
        return windows
    exponents = np.where(far, -np.frexp(peaks)[1], 0)
    return np.ldexp(windows, exponents[:, None]).astype(np.float32)


def bundled_models() -> list[str]:
    """Names of the models in the package."""
    return sorted(path.stem for path in MODELS.glob("*.onnx"))


def find_model(model: str | os.PathLike[str] | None) -> Path:
    """The file of a path, of a bundled model's name or of a name on the Hub (see ``hub``); None is the default."""
    if not isinstance(model, (str, os.PathLike, type(None))):
        raise InputError(f"model must be a path or a name, got {model!r}")
    name = DEFAULT_MODEL if model is None else os.fspath(model)
    if name in bundled_models():
        return MODELS / f"{name}.onnx"
    if name.startswith("hf:"):
        from musicfeat.model.hub import fetched

        return fetched(name)
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"no model {name!r}: neither a file nor a bundled model ({', '.join(bundled_models())})")
    return path


def _open(opening: Opening) -> Engine:
    if opening.device.kind == "tensorrt":
        from musicfeat.model.trt.engine import open_engine

        return open_engine(opening)
    if sealed.is_sealed(opening.path):
        raise ModelError(
            f"{opening.path} is a TensorRT engine: open it with device='tensorrt:INDEX', or take the ONNX file"
        )
    from musicfeat.model.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(opening)


def _check_graph(engine: Engine, card: ModelCard, outputs: tuple[str, ...], path: Path) -> None:
    inputs = {name: list(shape) for name, shape in engine.inputs.items()}
    if list(inputs) != [INPUT] or inputs[INPUT][1:] != [card.window] or not set(outputs) <= set(engine.outputs):
        raise ModelError(
            f"{path}: the graph has inputs {inputs}, outputs {sorted(engine.outputs)}; its card says {card}"
        )
