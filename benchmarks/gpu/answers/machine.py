"""Names and versions, and the limits of bus and arithmetic, by torch."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from question import Limits, Question, seconds

from musicfeat.errors import DeviceError
from musicfeat.model.engine import parse_device

PACKAGES = ("onnxruntime-gpu", "onnxruntime", "torch", "tensorrt", "numpy")
GPU_SIZES, CPU_SIZES = (1 << 28, 8192), (1 << 26, 1024)
"""Bytes of a copy, and rows of a square matrix."""


def answer(question: Question) -> str:
    """The machine in a few lines; the limits are kept for the other questions."""
    device = parse_device(question.device)
    name = device.check() if question.on_gpu else processor()
    lines = [f"{question.device}: {name}; {', '.join(versions())}"]
    try:
        found = limits(question.device)
    except (ImportError, DeviceError) as error:
        return "\n".join([*lines, "", f"No limits: {error}"])
    question.keep(found)
    copies = f"{found.copied / 1e9:.1f} GB/s from pageable memory, {found.pinned / 1e9:.1f} from pinned"
    products = ", ".join(f"{flops / 1e12:.2f} TFLOP/s in {kind}" for kind, flops in found.flops.items())
    return "\n".join([*lines, "", f"Copies {copies}; products {products}."])


def versions() -> list[str]:
    """Installed packages with their versions."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """The CPU's name as Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return "an unknown processor"


def limits(device: str) -> Limits:
    """Limits of a device.

    Raises:
        DeviceError: torch sees no such GPU.
    """
    import torch

    place = torch.device(device)
    if place.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("the limits are measured with a CUDA build of torch, and this one sees no GPU")
    (count, size), on_gpu = (GPU_SIZES if place.type == "cuda" else CPU_SIZES), place.type == "cuda"
    host, target = torch.zeros(count, dtype=torch.uint8), torch.empty(count, dtype=torch.uint8, device=place)
    pinned = host.pin_memory() if on_gpu else host

    def finished(call: Callable[[], object]) -> Callable[[], object]:
        return lambda: (call(), torch.cuda.synchronize(place) if on_gpu else None)

    flops = {}
    for name, kind in (("fp32", torch.float32), ("fp16", torch.float16), ("bf16", torch.bfloat16)):
        if name == "fp16" and not on_gpu:  # emulated by most CPUs, in minutes
            continue
        a = torch.randn(size, size, device=place).to(kind)
        flops[name] = 2 * size**3 / seconds(finished(lambda a=a: a @ a), 10)
    copies = [seconds(finished(lambda source=source: target.copy_(source)), 10) for source in (host, pinned)]
    return Limits(count / copies[0], count / copies[1], flops)
