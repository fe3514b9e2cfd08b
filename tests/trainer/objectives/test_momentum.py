from __future__ import annotations

import pytest
import torch
from torch import nn

from musicfeat_trainer.objectives.momentum import trail, trailing_copy


def test_a_copy_shares_nothing_and_does_not_learn() -> None:
    original = nn.Linear(3, 2)
    copy = trailing_copy(original)
    assert torch.equal(copy.weight, original.weight)
    assert not any(weight.requires_grad for weight in copy.parameters())
    assert all(weight.requires_grad for weight in original.parameters())
    with torch.no_grad():
        original.weight += 1
    assert not torch.equal(copy.weight, original.weight)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.999, 1.0])
def test_trailing_a_fixed_module_is_a_geometric_series(momentum: float) -> None:
    """After k steps, momentum^k of the beginning is left."""
    original, steps = nn.Linear(3, 2, dtype=torch.float64), 7
    copy = trailing_copy(original)
    start = copy.weight.clone()
    with torch.no_grad():
        original.weight.normal_()
    target = original.weight.detach().clone()
    for _ in range(steps):
        trail(copy, original, momentum)
    torch.testing.assert_close(copy.weight, momentum**steps * start + (1 - momentum**steps) * target)
    assert torch.equal(original.weight, target)


def test_running_statistics_are_the_copys_own() -> None:
    original = nn.BatchNorm1d(2)
    copy = trailing_copy(original)
    original(torch.randn(8, 2) + 5)
    trail(copy, original, 0.5)
    assert torch.equal(copy.running_mean, torch.zeros(2))
