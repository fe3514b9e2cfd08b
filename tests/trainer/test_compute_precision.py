"""bfloat16 and channels last, each only where a device has the instructions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from musicfeat_trainer.precision import autocast, memory_format

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({"avx2": True}, torch.float32),
        ({"avx2": True, "avx512_bf16": True}, torch.bfloat16),
        ({"bf16": True}, torch.bfloat16),
    ],
)
def test_products_are_in_bfloat16_where_it_is_fast(
    monkeypatch: pytest.MonkeyPatch, able: dict[str, Any], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    x = torch.ones(2, 2)
    with autocast(CPU, wanted=True):
        assert (x @ x).dtype == expected
    with autocast(CPU, wanted=False):
        assert (x @ x).dtype == torch.float32


def test_channels_are_last_but_on_cpus_without_avx_512(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, expected in (("AVX2", torch.contiguous_format), ("AVX512", torch.channels_last)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability)
        assert memory_format(CPU) is expected
    assert memory_format(torch.device("cuda")) is torch.channels_last
