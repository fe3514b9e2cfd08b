"""NVIDIA GPUs of this machine, by the driver's own interface, without a Python package."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
COMPUTE_MAJOR, COMPUTE_MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of the CUDA driver's interface."""


class DriverError(Exception):
    """Error for a driver that is missing or fails."""


def gpus() -> list[str]:
    """Names of the GPUs that CUDA sees, in the order of their indices.

    Raises:
        DriverError: there is no driver, or it fails.
    """
    driver, count = _driver(), ctypes.c_int()
    _check(driver.cuDeviceGetCount(ctypes.byref(count)))
    return [_name(driver, index) for index in range(count.value)]


def compute_capability(index: int) -> str:
    """Compute capability of a GPU, such as '9.0'.

    Raises:
        DriverError: there is no such GPU, or no driver.
    """
    driver, values = _driver(), []
    for attribute in (COMPUTE_MAJOR, COMPUTE_MINOR):
        value = ctypes.c_int()
        _check(driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, _handle(driver, index)))
        values.append(str(value.value))
    return ".".join(values)


def _name(driver: ctypes.CDLL, index: int) -> str:
    text = ctypes.create_string_buffer(256)
    _check(driver.cuDeviceGetName(text, len(text), _handle(driver, index)))
    return text.value.decode(errors="replace")


def _handle(driver: ctypes.CDLL, index: int) -> ctypes.c_int:
    handle = ctypes.c_int()
    _check(driver.cuDeviceGet(ctypes.byref(handle), index))
    return handle


@lru_cache(maxsize=1)
def _driver() -> ctypes.CDLL:
    try:
        driver = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise DriverError(f"{LIBRARY} cannot be loaded: install NVIDIA's driver") from error
    _check(driver.cuInit(0))
    return driver


def _check(code: int) -> None:
    if code:
        raise DriverError(f"the CUDA driver fails with error {code}: see that `nvidia-smi` works")
