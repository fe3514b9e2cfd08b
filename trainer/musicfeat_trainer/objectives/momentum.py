"""Copies that trail a module, as in MoCo (He et al., 2020, equation 2) and BYOL."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def trailing_copy(original: Module) -> Module:
    """Copy of a module with weights of its own that no optimizer changes."""
    return copy.deepcopy(original).requires_grad_(requires_grad=False)


@torch.no_grad()
def trail(follower: nn.Module, original: nn.Module, momentum: float) -> None:
    """Move each weight of a copy towards the original's: ``momentum`` of its own plus 1 - ``momentum`` of the other.

    Buffers stay: a copy in training mode has running statistics of its own, as in both papers' code.
    """
    for own, other in zip(follower.parameters(), original.parameters(), strict=True):
        own.lerp_(other, 1 - momentum)
