"""ONNX Runtime with its telemetry off; the packages and benchmarks import it only from here.

From 1.29 on it writes a device id into the user's cache and reports each model that is opened, unless the environment
forbids it when the library is loaded. If a program has loaded the library earlier, telemetry stops at this import.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # child processes inherit it

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime", "quantization"]


def quantization() -> Any:
    """The module ``onnxruntime.quantization``, which needs the package ``onnx``."""
    return import_module("onnxruntime.quantization")
