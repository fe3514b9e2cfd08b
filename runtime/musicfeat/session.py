"""ONNX Runtime behind one door: find the model, choose the device, check what was really enabled."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from musicfeat.card import ModelCard, card_from_metadata
from musicfeat.errors import DeviceError, InputError, ModelError
from musicfeat.pruning import keep_outputs

if TYPE_CHECKING:
    import onnxruntime

MODELS = Path(__file__).parent / "models"
QUIET = 2.0**-6
DEFAULT_MODEL = "music-small"


class Session:
    """A model file, loaded on one device, whole or cut down to some of its outputs.

    Sessions neither pickle nor fork: open one in each worker process.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        threads: int | None = None,
        outputs: Iterable[str] | None = None,
    ) -> None:
        self.path, self.device = find_model(model), device
        self.threads = _check_threads(threads)
        self._session = _open(self.path, device, self.threads, outputs)
        self.card: ModelCard = card_from_metadata(self._session.get_modelmeta().custom_metadata_map, str(self.path))
        if outputs is not None and not set(outputs) <= set(self.card.outputs):
            raise ModelError(f"{self.path} has the outputs {self.card.outputs}, asked for {tuple(outputs)}")
        self.outputs = tuple(name for name in self.card.outputs if outputs is None or name in set(outputs))
        _check_graph(self._session, self.card, self.outputs, self.path)

    @property
    def providers(self) -> list[str]:
        """The execution providers that are really enabled, best first."""
        return list(self._session.get_providers())

    @property
    def dimension(self) -> int:
        """How many numbers an embedding has."""
        shapes = {value.name: value.shape for value in self._session.get_outputs()}
        return int(shapes["embedding"][1])

    def run(self, windows: npt.NDArray[np.float32], outputs: tuple[str, ...]) -> dict[str, npt.NDArray[np.float32]]:
        """Run a batch.

        Args:
            windows: [batch, window] float32, any level.
            outputs: names of the outputs to return.

        Returns:
            Each output by name, its first axis the batch.
        """
        values = self._session.run(list(outputs), {"waveform": levelled(windows)})
        return dict(zip(outputs, values, strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a musicfeat Session cannot be pickled: open one in each worker process")


def levelled(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring very loud and very quiet windows to a peak between 1/2 and 1, by a power of two and so exactly.

    The spectrogram inside a model cares for ratios alone, but squares its samples: far from 1 they overflow, or
    fall below what counts as silence.
    """
    peaks = np.maximum(windows.max(axis=1), -windows.min(axis=1))
    far = (peaks > 0) & ((peaks < QUIET) | (peaks > 1 / QUIET))
    if not far.any():
        return windows
    exponents = np.where(far, -np.frexp(peaks)[1], 0)
    return np.ldexp(windows, exponents[:, None]).astype(np.float32)


def bundled_models() -> list[str]:
    """Names of the models that came with the package."""
    return sorted(path.stem for path in MODELS.glob("*.onnx"))


def find_model(model: str | os.PathLike[str] | None) -> Path:
    """A path as it is, or the file of a bundled model's name; None is the default model."""
    if not isinstance(model, (str, os.PathLike, type(None))):
        raise InputError(f"model must be a path or a name, got {model!r}")
    name = DEFAULT_MODEL if model is None else os.fspath(model)
    if name in bundled_models():
        return MODELS / f"{name}.onnx"
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"no model {name!r}: neither a file nor a bundled model ({', '.join(bundled_models())})")
    return path


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_threads(threads: int | None) -> int:
    """An explicit number of threads: as asked, or one for each core."""
    if threads is None:
        return cores()
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads must be a whole number from 1, got {threads!r}")
    return threads


def _open(path: Path, device: str, threads: int, outputs: Iterable[str] | None) -> onnxruntime.InferenceSession:
    try:
        import onnxruntime
    except ImportError as error:
        raise DeviceError(f"onnxruntime cannot be imported ({error}): pip install onnxruntime") from error

    provider, provider_options = parse_device(device)
    if provider not in onnxruntime.get_available_providers():
        raise DeviceError(
            f"device {device!r} needs {provider}, this onnxruntime has {onnxruntime.get_available_providers()}; "
            "run `musicfeat info` to see what is installed"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        model = os.fspath(path) if outputs is None else keep_outputs(path.read_bytes(), set(outputs))
        session = onnxruntime.InferenceSession(
            model, options, providers=[provider], provider_options=[provider_options]
        )
    except Exception as error:  # onnxruntime raises a dozen unrelated classes for a bad file
        raise ModelError(f"{path} cannot be loaded as an ONNX model: {_first_line(error)}") from error
    if session.get_providers()[0] != provider:
        raise DeviceError(f"asked for {provider}, onnxruntime enabled only {session.get_providers()}")
    session.disable_fallback()
    return session


def parse_device(device: str) -> tuple[str, dict[str, str]]:
    """'cpu' or 'cuda:INDEX' as an execution provider and its options."""
    kind, _, index = str(device).partition(":")
    if kind == "cpu" and not index:
        return "CPUExecutionProvider", {}
    if kind == "cuda" and (index or "0").isdecimal():
        # The default exhaustive search for convolutions runs again for every new batch size.
        options = {
            "device_id": index or "0",
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
        }
        return "CUDAExecutionProvider", options
    raise InputError(f"device must be 'cpu' or 'cuda:INDEX' such as 'cuda:0', got {device!r}")


def _check_graph(session: onnxruntime.InferenceSession, card: ModelCard, outputs: tuple[str, ...], path: Path) -> None:
    inputs = {value.name: value.shape for value in session.get_inputs()}
    found = {value.name for value in session.get_outputs()}
    if list(inputs) != ["waveform"] or inputs["waveform"][1:] != [card.window] or not set(outputs) <= found:
        raise ModelError(f"{path}: the graph has inputs {inputs}, outputs {sorted(found)}; its card says {card}")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
