"""Random draws of augmentations, always from a CPU generator, so that a seed means the same on every device."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import AfterValidator
from torch import Tensor


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the lower bound comes first, got {bounds}")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""Lower and upper bound of a drawn number; equal bounds always give that number."""


def uniform(bounds: tuple[float, float], count: int, generator: torch.Generator) -> Tensor:
    """Numbers between two bounds, [count] float32 on the CPU."""
    low, high = bounds
    return low + (high - low) * torch.rand(count, generator=generator)


def partners(batch: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Clips of a batch to mix into others, [count, ...]; now and then a clip meets itself."""
    rows = torch.randint(len(batch), (count,), generator=generator)
    return batch[rows.to(batch.device)]


def per_clip(values: Tensor, clips: Tensor) -> Tensor:
    """Values, one a clip, [n], on the clips' device and in a shape to multiply them by."""
    return values.to(clips.device).view(-1, *[1] * (clips.ndim - 1))
