"""bfloat16 only where a device has the instructions, channels last only where they are sound."""

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


def test_channels_are_last_on_gpus_alone() -> None:
    assert memory_format(CPU) is torch.contiguous_format
    assert memory_format(torch.device("cuda")) is torch.channels_last
