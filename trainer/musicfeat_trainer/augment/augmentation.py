"""What every augmentation offers: a probability, and a change of the clips that it falls on."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.section import Section


class Augmentation(Section):
    """A table ``{name = ..., probability = ...}`` of a recipe's list of augmentations, applied in its order."""

    probability: float = Field(1.0, ge=0, le=1)

    def __call__(self, clips: Tensor, generator: torch.Generator) -> Tensor:
        """Change each clip of [batch, ...] with ``probability``; shape and dtype stay."""
        chosen = torch.rand(len(clips), generator=generator) < self.probability
        if not chosen.any():
            return clips
        rows = chosen.to(clips.device)
        changed = clips.clone()
        changed[rows] = self.change(clips[rows], clips, generator)
        return changed

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:
        """The changed form of ``clips``; ``batch`` is all of them, for those that mix clips."""
        raise NotImplementedError
