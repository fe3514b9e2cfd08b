"""Masks of pictures [batch, channels, frames, bands], as stripes and boxes, and their filling."""

from __future__ import annotations

import torch
from torch import Tensor

from musicfeat_trainer.augment.draws import uniform


def stripes(size: int, widest: float, count: int, generator: torch.Generator) -> Tensor:
    """Masks of one stretch of an axis of ``size`` places, [count, size] bool.

    The width is uniform from 0 to ``widest`` of the size, then the start uniform over all that fit, as in SpecAugment.
    """
    width = uniform((0.0, widest * size), count, generator).round()
    start = (torch.rand(count, generator=generator) * (size - width + 1)).floor()
    return _stretch(size, start, start + width)


def boxes(frames: int, bands: int, sides: Tensor, generator: torch.Generator) -> Tensor:
    """Masks of one box in each picture, [n, 1, frames, bands] bool.

    The centre is uniform over the picture, whose edges cut boxes off (DeVries and Taylor, 2017).

    Args:
        frames: frames of the pictures.
        bands: bands of the pictures.
        sides: sides of each box as a share of the picture's, [n].
        generator: source of the centres.
    """
    in_time, in_bands = (_around(size, sides, generator) for size in (frames, bands))
    return (in_time[:, :, None] & in_bands[:, None, :])[:, None]


def small_boxes(frames: int, bands: int, longest: int, count: int, generator: torch.Generator) -> Tensor:
    """Masks of one box within each picture, sides uniform from 1 to ``longest``, [count, 1, frames, bands] bool."""
    sides = []
    for size in (frames, bands):
        width = torch.randint(1, min(longest, size) + 1, (count,), generator=generator)
        start = (torch.rand(count, generator=generator) * (size - width + 1)).floor()
        sides.append(_stretch(size, start, start + width))
    return (sides[0][:, :, None] & sides[1][:, None, :])[:, None]


def blanked(pictures: Tensor, where: Tensor) -> Tensor:
    """Pictures with the mean of each channel where a mask [n, 1, frames or 1, bands or 1] is True.

    Papers mask with 0 in pictures whose mean is 0; in decibels or log-mel, 0 is the loudest or the quietest value.
    """
    return torch.where(where.to(pictures.device), pictures.mean(dim=(2, 3), keepdim=True), pictures)


def _around(size: int, sides: Tensor, generator: torch.Generator) -> Tensor:
    centre, width = torch.randint(size, (len(sides),), generator=generator), (sides * size).round()
    start = (centre - width / 2).ceil()
    return _stretch(size, start, start + width)


def _stretch(size: int, start: Tensor, end: Tensor) -> Tensor:
    place = torch.arange(size)
    return (place >= start[:, None]) & (place < end[:, None])
