"""ONNX Runtime's execution providers: the one that each device needs, its options and its installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from musicfeat.model.engine import Device

Options = Mapping[str, str]
GPU_INSTALL = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu[cuda,cudnn]'"
SESSION = "session."
"""Prefix of options for the session, not for the provider."""
WHOLE = {"session.disable_cpu_ep_fallback": "1"}
"""With this option ONNX Runtime fails if an operator would fall back to the CPU, or the device is missing."""


@dataclass(frozen=True)
class Provider:
    """Execution provider of a kind of device."""

    name: str
    install: str
    """Command that installs an ONNX Runtime with it; such packages share one module and overwrite each other."""
    words: tuple[str, ...]
    """Lower-case words that tell its errors from errors about a model."""
    settings: Options
    """Options of the session."""


PROVIDERS = {
    "cpu": Provider("CPUExecutionProvider", "pip install onnxruntime", (), {}),
    "cuda": Provider(
        "CUDAExecutionProvider", GPU_INSTALL, ("cuda", "cudnn", "cublas", "gpu_mem_limit", "memory arena"), {}
    ),
    "openvino": Provider(
        "OpenVINOExecutionProvider",
        "pip uninstall -y onnxruntime && pip install onnxruntime-openvino",
        ("openvino", "fallback to cpu"),
        WHOLE,
    ),
    "coreml": Provider(
        "CoreMLExecutionProvider", "on a Mac, pip install onnxruntime", ("coreml", "core ml", "fallback to cpu"), WHOLE
    ),
    "directml": Provider(
        "DmlExecutionProvider",
        "on Windows, pip uninstall -y onnxruntime && pip install onnxruntime-directml",
        ("dml", "directml", "d3d12", "dxgi", "fallback to cpu"),
        WHOLE,
    ),
    "qnn": Provider(
        "QNNExecutionProvider",
        "on a Snapdragon, pip uninstall -y onnxruntime && pip install onnxruntime-qnn",
        ("qnn", "fallback to cpu"),
        WHOLE,
    ),
}


def provider_of(
    device: Device, memory: int | None = None, options: Options | None = None, threads: int = 1
) -> tuple[str, dict[str, str]]:
    """The execution provider of a device, and its options: the defaults, overruled by the caller's.

    Args:
        device: any but TensorRT's.
        memory: limit in bytes on the memory of a CUDA device.
        options: as for ``Extractor``; those of the session are left to ``settings_of``.
        threads: threads of OpenVINO on a CPU.
    """
    chosen = {name: value for name, value in (options or {}).items() if not name.startswith(SESSION)}
    return PROVIDERS[device.kind].name, {**_usual(device, memory, threads), **chosen}


def settings_of(device: Device, options: Options | None) -> dict[str, str]:
    """Options of the session: those of the kind of device, overruled by the caller's."""
    chosen = {name: value for name, value in (options or {}).items() if name.startswith(SESSION)}
    return {**PROVIDERS[device.kind].settings, **chosen}


def _usual(device: Device, memory: int | None, threads: int) -> dict[str, str]:
    if device.kind == "cuda":
        return _cuda(device.index) | ({} if memory is None else {"gpu_mem_limit": str(memory)})
    if device.kind == "openvino":
        # By default a CPU or GPU computes in bfloat16 or half precision if it can; results then differ between CPUs.
        precision = {} if device.unit.startswith("NPU") else {"precision": "FP32"}
        return {"device_type": device.unit, "num_of_threads": str(threads)} | precision
    if device.kind == "coreml":
        return {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}
    if device.kind == "directml":
        return {"device_id": str(device.index)}
    return {"backend_type": "htp"} if device.kind == "qnn" else {}


def _cuda(index: int) -> dict[str, str]:
    return {
        "device_id": str(index),
        # The default, an exhaustive search for convolutions, is repeated for every new batch size.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
        # TF32 keeps 10 bits of a product's mantissa: too few for the spectrogram, and results differ from a CPU's.
        "use_tf32": "0",
    }
