"""Interface of every augmentation: a probability, and a change of the clips drawn by it."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.section import Section


class Augmentation(Section):
    """A table ``{name = ..., probability = ...}`` of a recipe's list of augmentations, applied in its order."""

    probability: float = Field(1.0, ge=0, le=1)

    def __call__(self, clips: Tensor, generator: torch.Generator) -> Tensor:
        """Clips [batch, ...], each changed with ``probability``; shape and dtype stay."""
        chosen = torch.rand(len(clips), generator=generator) < self.probability
        if not chosen.any():
            return clips
        rows = chosen.to(clips.device)
        changed = clips.clone()
        changed[rows] = self.change(clips[rows], clips, generator)
        return changed

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Changed form of ``clips``; ``batch`` holds all clips, for augmentations that mix them."""
        raise NotImplementedError
