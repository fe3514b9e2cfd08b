"""Augmentations of raw samples, [batch, samples] float32."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation


class Polarity(Augmentation):
    """The waveform upside down."""

    name: Literal["polarity"] = "polarity"

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return -clips
