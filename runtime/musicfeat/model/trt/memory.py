"""CUDA's runtime through its Python bindings: one device, its stream, its buffers."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import DeviceError
from musicfeat.model.trt.library import cuda_runtime


def checked(result: tuple[Any, ...]) -> Any:
    """The value returned by a call of CUDA's runtime.

    Raises:
        DeviceError: the call failed.
    """
    code, *values = result
    if int(code) != 0:
        raise DeviceError(f"CUDA fails: {code.name}")
    return values[0] if values else None


def use(index: int) -> None:
    """Select a GPU for this thread."""
    checked(cuda_runtime().cudaSetDevice(index))


class Stream:
    """A queue of work on the GPU in use."""

    def __init__(self) -> None:
        runtime = cuda_runtime()
        self._stream = checked(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking))
        weakref.finalize(self, runtime.cudaStreamDestroy, self._stream)

    def __int__(self) -> int:
        return int(self._stream)

    def upload(self, buffer: Buffer, values: npt.NDArray[Any]) -> None:
        """Copy an array to the GPU; it must live until ``wait``."""
        runtime = cuda_runtime()
        self._copy(
            buffer.address, values.ctypes.data, buffer.fitting(values), runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        )

    def download(self, buffer: Buffer, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array that holds the buffer's values after ``wait``."""
        runtime, values = cuda_runtime(), np.empty(shape, dtype)
        self._copy(
            values.ctypes.data, buffer.address, buffer.fitting(values), runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        )
        return values

    def wait(self) -> None:
        """Wait until all work is done."""
        checked(cuda_runtime().cudaStreamSynchronize(self._stream))

    def _copy(self, to: int, source: int, size: int, kind: Any) -> None:
        checked(cuda_runtime().cudaMemcpyAsync(to, source, size, kind, self._stream))


class Buffer:
    """Bytes on the GPU in use."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.address = int(checked(cuda_runtime().cudaMalloc(size)))
        weakref.finalize(self, cuda_runtime().cudaFree, self.address)

    def fitting(self, values: npt.NDArray[Any]) -> int:
        """Size in bytes of an array, which must be contiguous and no larger than the buffer."""
        if values.nbytes > self.size or not values.flags.c_contiguous:
            raise ValueError(f"{values.nbytes} bytes of shape {values.shape} do not go into {self.size} as they are")
        return int(values.nbytes)
