"""Stripes and boxes of pictures, [batch, channels, frames, bands], and what masked places are filled with."""

from __future__ import annotations

import torch
from torch import Tensor

from musicfeat_trainer.augment.draws import uniform


def stripes(size: int, widest: float, count: int, generator: torch.Generator) -> Tensor:
    """One stretch of each axis of ``size`` places, [count, size] bool.

    As SpecAugment draws them: the width is uniform from 0 to ``widest`` of the size, then the start from all that let
    the stretch fit.
    """
    width = uniform((0.0, widest * size), count, generator).round()
    start = (torch.rand(count, generator=generator) * (size - width + 1)).floor()
    return _stretch(size, start, start + width)


def boxes(frames: int, bands: int, sides: Tensor, generator: torch.Generator) -> Tensor:
    """One box of each picture, [n, 1, frames, bands] bool.

    The centre is uniform over the picture, whose edges cut off what reaches beyond (DeVries and Taylor, 2017).

    Args:
        frames: of the pictures.
        bands: of the pictures.
        sides: of each box as a share of the picture's, [n].
        generator: draws the centres.
    """
    in_time, in_bands = (_around(size, sides, generator) for size in (frames, bands))
    return (in_time[:, :, None] & in_bands[:, None, :])[:, None]


def small_boxes(frames: int, bands: int, longest: int, count: int, generator: torch.Generator) -> Tensor:
    """One box within each picture, its sides uniform from 1 to ``longest`` places, [count, 1, frames, bands] bool."""
    sides = []
    for size in (frames, bands):
        width = torch.randint(1, min(longest, size) + 1, (count,), generator=generator)
        start = (torch.rand(count, generator=generator) * (size - width + 1)).floor()
        sides.append(_stretch(size, start, start + width))
    return (sides[0][:, :, None] & sides[1][:, None, :])[:, None]


def blanked(pictures: Tensor, where: Tensor) -> Tensor:
    """Pictures with the mean of each channel where a mask, [n, 1, frames or 1, bands or 1], says so.

    Papers mask with 0 in pictures whose mean is 0; in decibels or log-mel that number is the loudest or the quietest.
    """
    return torch.where(where.to(pictures.device), pictures.mean(dim=(2, 3), keepdim=True), pictures)


def _around(size: int, sides: Tensor, generator: torch.Generator) -> Tensor:
    centre, width = torch.randint(size, (len(sides),), generator=generator), (sides * size).round()
    start = (centre - width / 2).ceil()
    return _stretch(size, start, start + width)


def _stretch(size: int, start: Tensor, end: Tensor) -> Tensor:
    place = torch.arange(size)
    return (place >= start[:, None]) & (place < end[:, None])
