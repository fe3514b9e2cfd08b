"""TensorRT's Python bindings: imported and checked, with their messages gathered."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Any

from musicfeat.errors import DeviceError
from musicfeat.model.engine import Device
from musicfeat.model.gpu import compute_capability
from musicfeat.model.trt.recipe import Target

INSTALL = "pip install 'musicfeat[tensorrt]'"
OLDEST = 10


def tensorrt() -> Any:
    """The module ``tensorrt``.

    Raises:
        DeviceError: it is not installed, lacks its libraries, or is too old.
    """
    try:
        import tensorrt as module
    except (ImportError, OSError) as error:
        raise DeviceError(f"TensorRT cannot be imported ({error}): {INSTALL}") from error
    if int(module.__version__.split(".")[0]) < OLDEST:
        raise DeviceError(f"TensorRT {module.__version__} is too old, {OLDEST} is the oldest that will do: {INSTALL}")
    return module


def cuda_runtime() -> Any:
    """The module ``cuda.bindings.runtime``.

    Raises:
        DeviceError: it is not installed.
    """
    try:
        from cuda.bindings import runtime
    except (ImportError, OSError) as error:
        raise DeviceError(f"CUDA's Python bindings cannot be imported ({error}): {INSTALL}") from error
    return runtime


def target(device: Device) -> Target:
    """The target of engines for a device.

    Raises:
        DeviceError: TensorRT, CUDA's bindings, the driver or the GPU is missing.
    """
    version = str(tensorrt().__version__)
    cuda_runtime()
    name = device.check()
    return Target(version, name, compute_capability(device.index))


@lru_cache(maxsize=1)
def logger() -> Any:
    """TensorRT's one logger of this process; it keeps the last errors."""
    module = tensorrt()
    grave = (module.ILogger.Severity.INTERNAL_ERROR, module.ILogger.Severity.ERROR)

    class Errors(module.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            module.ILogger.__init__(self)
            self.last: deque[str] = deque(maxlen=8)

        def log(self, severity: Any, msg: str) -> None:
            if severity in grave:
                self.last.append(" ".join(msg.split()))

    return Errors()


def errors() -> str:
    """TensorRT's messages on its last failure, cleared by this call."""
    last = logger().last
    said = "; ".join(last) or "TensorRT gives no reason"
    last.clear()
    return said
