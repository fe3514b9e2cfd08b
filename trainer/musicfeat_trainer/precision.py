"""How a device computes best: in bfloat16, and with channels last, where it can."""

from __future__ import annotations

import torch


def autocast(device: torch.device, wanted: bool) -> torch.autocast:
    """A context in bfloat16 if that is ``wanted`` and the device multiplies it itself."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and multiplies_bfloat16(device))


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 has instructions of its own: a CPU that must emulate it takes many times float32's time."""
    if device.type != "cpu":
        return True
    if not hasattr(torch.cpu, "get_capabilities"):  # older torch does not tell
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last, but for CPUs that stop at AVX2: gradients of narrow convolutions crashed or differed there."""
    unsound = device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX2"
    return torch.contiguous_format if unsound else torch.channels_last
