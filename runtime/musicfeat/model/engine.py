"""What runs a model: one interface for ONNX Runtime and TensorRT, and the devices' names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from musicfeat.errors import DeviceError, InputError
from musicfeat.model.gpu import DriverError, gpus

INPUT = "waveform"
"""The only input of every model."""
Kind = Literal["cpu", "cuda", "tensorrt"]


class Engine(Protocol):
    """A loaded model."""

    metadata: dict[str, str]
    """The model card, as string pairs."""
    inputs: dict[str, list[Any]]
    """Shape of each input; the batch is a name, None or -1."""
    outputs: dict[str, list[Any]]
    """Shape of each output."""
    providers: list[str]
    """What really runs it, best first."""

    def run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> Sequence[npt.NDArray[np.float32]]:
        """The outputs asked for, of windows [batch, samples]."""
        ...


@dataclass(frozen=True)
class Device:
    """A device by its kind and, on a GPU, its index."""

    kind: Kind
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"

    def check(self) -> str:
        """The name of the GPU.

        Raises:
            DeviceError: there is no such GPU, or no driver.
        """
        try:
            found = gpus()
        except DriverError as error:
            raise DeviceError(f"device {str(self)!r} needs an NVIDIA GPU: {error}") from error
        if self.index >= len(found):
            there = ", ".join(f"{self.kind}:{index} ({name})" for index, name in enumerate(found)) or "none"
            raise DeviceError(f"there is no device {str(self)!r} here; there is {there}")
        return found[self.index]


def parse_device(device: str) -> Device:
    """'cpu', 'cuda:INDEX' or 'tensorrt:INDEX'; without an index, the first GPU.

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"(cpu)|(cuda|tensorrt)(?::([0-9]+))?", str(device))
    if found and found[1]:
        return Device("cpu")
    if found:
        return Device("cuda" if found[2] == "cuda" else "tensorrt", int(found[3] or 0))
    raise InputError(f"device must be 'cpu', 'cuda:INDEX' or 'tensorrt:INDEX' such as 'cuda:0', got {device!r}")
