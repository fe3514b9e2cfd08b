"""Engine, one interface for ONNX Runtime and TensorRT, and the names of devices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
import numpy.typing as npt

from musicfeat.errors import DeviceError, InputError
from musicfeat.model.gpu import DriverError, gpus

GPU_WINDOWS = 64
INPUT = "waveform"
"""The only input of every model."""
Kind = Literal["cpu", "cuda", "tensorrt", "openvino", "coreml", "directml", "qnn"]
DEVICES = "'cpu', 'cuda:INDEX', 'tensorrt:INDEX', 'openvino:CPU|GPU|NPU', 'coreml', 'directml:INDEX' or 'qnn'"


class Engine(Protocol):
    """A loaded model."""

    metadata: dict[str, str]
    """The model card, as string pairs."""
    inputs: dict[str, list[Any]]
    """Shape of each input; the batch dimension is a name, None or -1."""
    outputs: dict[str, list[Any]]
    """Shape of each output."""
    providers: list[str]
    """Names of the providers that really run it, best first."""

    def run(self, outputs: tuple[str, ...], windows: npt.NDArray[np.float32]) -> Sequence[npt.NDArray[np.float32]]:
        """The outputs asked for, computed from windows [batch, samples]."""
        ...


@dataclass(frozen=True)
class Device:
    """A device by its kind, the index of a GPU, and for OpenVINO its unit, such as 'CPU' or 'GPU.1'."""

    kind: Kind
    index: int = 0
    unit: str = ""

    def __str__(self) -> str:
        if self.kind == "openvino":
            return f"openvino:{self.unit}"
        return self.kind if self.kind in ("cpu", "coreml", "qnn") else f"{self.kind}:{self.index}"

    @property
    def windows(self) -> int:
        """Number of windows in one run of the model; more are no faster and only cost memory."""
        return GPU_WINDOWS if self.kind in ("cuda", "tensorrt", "directml") or self.unit.startswith("GPU") else 2

    def check(self) -> str:
        """The name of the GPU.

        Raises:
            DeviceError: the GPU or its driver is missing.
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
    """The device of a name; the first GPU for a name without an index, OpenVINO's CPU for one without a unit.

    Raises:
        InputError: the name is not a device's.
    """
    name = str(device)
    if found := re.fullmatch(r"(cpu|coreml|qnn)", name):
        return Device(cast(Kind, found[1]))
    if found := re.fullmatch(r"(cuda|tensorrt|directml)(?::([0-9]+))?", name):
        return Device(cast(Kind, found[1]), int(found[2] or 0))
    if found := re.fullmatch(r"openvino(?::(CPU|GPU(?:\.[0-9]+)?|NPU))?", name):
        return Device("openvino", unit=found[1] or "CPU")
    raise InputError(f"device must be {DEVICES}, such as 'cuda:0', got {device!r}")
