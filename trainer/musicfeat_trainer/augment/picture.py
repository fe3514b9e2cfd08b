"""Augmentations of pictures, [batch, channels, frames, bands]."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation


class FlipTime(Augmentation):
    """The picture from its end to its beginning: the horizontal flip."""

    name: Literal["flip_time"] = "flip_time"

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return clips.flip(2)
