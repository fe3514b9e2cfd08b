"""Number formats and memory layouts in which a device computes fast and correctly."""

from __future__ import annotations

import torch
from torch import nn


def autocast(device: torch.device, wanted: bool) -> torch.autocast:
    """Context in bfloat16 if that is ``wanted`` and the device multiplies it natively."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and multiplies_bfloat16(device))


def multiplies_bfloat16(device: torch.device) -> bool:
    """True if the device multiplies bfloat16 natively; a CPU that emulates it takes many times float32's time."""
    if device.type != "cpu":
        return True
    if not hasattr(torch.cpu, "get_capabilities"):  # older versions of torch do not tell
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))


def memory_format(device: torch.device) -> torch.memory_format:
    """Memory format for tensors: channels last, but contiguous on every CPU.

    With channels last, oneDNN's weight gradient of strided 1 x 1 convolutions of few channels writes past its memory
    (torch 2.13, AVX2 and AVX-512 alike). ``TimeLastConv`` goes round that, and puts channels last everywhere.
    """
    return torch.contiguous_format if device.type == "cpu" else torch.channels_last


def compile_in_place(module: nn.Module, device: torch.device) -> None:
    """Compile a module but keep ``memory_format``: by default, ``torch.compile`` changes to channels last on CPUs."""
    module.compile(options={"layout_optimization": False} if device.type == "cpu" else None)
