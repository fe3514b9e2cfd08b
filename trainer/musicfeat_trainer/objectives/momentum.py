"""Copies of a module that trail it, as MoCo (He et al., 2020, equation 2) and BYOL have them."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def trailing_copy(original: Module) -> Module:
    """A copy that shares no weights with the original and that no optimizer touches."""
    return copy.deepcopy(original).requires_grad_(requires_grad=False)


@torch.no_grad()
def trail(follower: nn.Module, original: nn.Module, momentum: float) -> None:
    """Move each weight of a copy towards the original's: ``momentum`` times its own plus the rest of the other.

    Buffers stay: the running statistics of a copy that runs in training mode are its own, as in both papers' code.
    """
    for own, other in zip(follower.parameters(), original.parameters(), strict=True):
        own.lerp_(other, 1 - momentum)
