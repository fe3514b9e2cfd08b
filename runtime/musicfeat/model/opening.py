"""Opening: how a model file is to be opened, in one record of checked values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from musicfeat.errors import InputError
from musicfeat.model.cores import cores
from musicfeat.model.engine import Device, parse_device
from musicfeat.model.providers import Options
from musicfeat.sound.arguments import whole


@dataclass(frozen=True)
class Opening:
    """A model file, the device that runs it, and how; each value as for ``Session``."""

    path: Path
    device: Device
    threads: int = 1
    outputs: Iterable[str] | None = None
    memory: int | None = None
    options: Options | None = None


def checked(
    path: Path,
    device: str,
    threads: int | None,
    outputs: Iterable[str] | None,
    memory: int | None,
    options: Options | None,
) -> Opening:
    """The record of arguments of ``Session``.

    Raises:
        InputError: an argument is out of its range, or is not for this device.
    """
    place = parse_device(device)
    return Opening(path, place, _threads(threads), outputs, _memory(memory, place), _options(options, place))


def _threads(threads: int | None) -> int:
    """A number of threads: the one asked for, or one for each core if None."""
    if threads is None:
        return cores()
    number = whole(threads)
    if number is None or number < 1:
        raise InputError(f"threads must be a whole number from 1, got {threads!r}")
    return number


def _memory(memory: int | None, device: Device) -> int | None:
    if memory is None:
        return None
    number = whole(memory)
    if number is None or number < 1:
        raise InputError(f"memory must be a whole number of bytes of the GPU, such as 2 * 1024**3, got {memory!r}")
    if device.kind not in ("cuda", "tensorrt"):
        raise InputError(f"memory is a cap on an NVIDIA GPU's memory: leave it out for {str(device)!r}")
    return number


def _options(options: Options | None, device: Device) -> Options | None:
    if options is None:
        return None
    if not isinstance(options, Mapping) or not all(isinstance(text, str) for pair in options.items() for text in pair):
        raise InputError(f"options must be a dictionary of texts, such as {{'num_of_threads': '2'}}, got {options!r}")
    if device.kind == "tensorrt":
        raise InputError("options are ONNX Runtime's, and TensorRT runs without it: leave them out")
    return options
