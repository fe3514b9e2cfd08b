"""ONNX Runtime with its reporting switched off: the only door through which the packages and benchmarks import it.

From 1.29 on it writes a device id into the user's cache and reports each model that is opened, unless the environment
says otherwise when the library is loaded. A program that loaded it earlier reports no more from here on; what it had
reported by then is the program's own affair.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # also for the processes that this one starts

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime", "quantization"]


def quantization() -> Any:
    """The module ``onnxruntime.quantization``, which needs the package ``onnx``."""
    return import_module("onnxruntime.quantization")
