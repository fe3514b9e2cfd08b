"""Augmentations of pictures, [batch, channels, frames, bands].

Siamusic is "Self-supervised Learning for Music Genre Classification using Image Augmentation" (Kim, Hong and Lee,
2022); probabilities are those of its table 1, all other settings those of the papers it cites.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import partners
from musicfeat_trainer.augment.masks import blanked, boxes, small_boxes, stripes
from musicfeat_trainer.augment.mixup import larger_share


class FlipTime(Augmentation):
    """The picture from its end to its beginning: the horizontal flip. Siamusic: probability 0.8."""

    name: Literal["flip_time"] = "flip_time"
    probability: float = Field(0.8, ge=0, le=1)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return clips.flip(2)


class FlipBands(Augmentation):
    """High bands in place of low ones: the vertical flip. Siamusic: probability 0.8."""

    name: Literal["flip_bands"] = "flip_bands"
    probability: float = Field(0.8, ge=0, le=1)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return clips.flip(3)


class CutMix(Augmentation):
    """A box of another picture of the batch. Siamusic: probability 0.6.

    Yun et al. (2019): the box has the picture's proportions and, with weights from Beta(1, 1), one weight of its area;
    edges cut it off. It is the smaller weight, as a view without a label must remain a view of its own clip. Siamusic's
    public code pastes a stripe of time, all bands of up to 30 % of the frames: ``stripe = 0.3``.
    """

    name: Literal["cutmix"] = "cutmix"
    probability: float = Field(0.6, ge=0, le=1)
    stripe: float | None = Field(None, gt=0, le=1)
    """Greatest width of a stripe of time, as a share of the frames; widths are uniform up to it. None: a box."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:
        others = partners(batch, len(clips), generator)
        if self.stripe:
            frames = stripes(clips.shape[2], self.stripe, len(clips), generator)[:, None, :, None]
            return torch.where(frames.to(clips.device), others, clips)
        sides = (1 - larger_share(len(clips), generator)).sqrt()
        where = boxes(clips.shape[2], clips.shape[3], sides, generator)
        return torch.where(where.to(clips.device), others, clips)


class CutOut(Augmentation):
    """A box of the picture's mean. Siamusic: probability 0.8.

    DeVries and Taylor (2017): half as long as each side of the picture, their 16 of 32 pixels for CIFAR-10. Siamusic's
    public code cuts 20 holes of up to 5 by 5 pixels: ``holes = 20, pixels = 5``.
    """

    name: Literal["cutout"] = "cutout"
    probability: float = Field(0.8, ge=0, le=1)
    side: float = Field(0.5, gt=0, le=1)
    """Sides of the box, as shares of the frames and of the bands."""
    holes: int = Field(1, ge=1)
    """Number of holes in each picture."""
    pixels: int | None = Field(None, ge=1)
    """Greatest sides of a hole in frames and in bands, each drawn uniformly from 1 on; None: by ``side``."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        count, _, frames, bands = clips.shape
        where = torch.zeros(count, 1, frames, bands, dtype=torch.bool)
        for _ in range(self.holes):
            if self.pixels:
                where |= small_boxes(frames, bands, self.pixels, count, generator)
            else:
                where |= boxes(frames, bands, torch.full((count,), self.side), generator)
        return blanked(clips, where)


class Mask(Augmentation):
    """A stripe of time or one of bands at the picture's mean. Siamusic: probability 0.4.

    The paper gives only its name; the shape is our reading, with both directions equally likely.
    """

    name: Literal["mask"] = "mask"
    probability: float = Field(0.4, ge=0, le=1)
    widest: float = Field(0.2, gt=0, le=1)
    """Greatest width as a share of the frames or bands; widths are uniform up to it."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        count, _, frames, bands = clips.shape
        in_time = stripes(frames, self.widest, count, generator)[:, None, :, None]
        in_bands = stripes(bands, self.widest, count, generator)[:, None, None, :]
        coin = torch.rand(count, 1, 1, 1, generator=generator) < 0.5
        return blanked(clips, torch.where(coin, in_time, in_bands))
