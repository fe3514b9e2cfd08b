"""Mixup of clips, raw samples or pictures."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import partners, per_clip, uniform


def larger_share(count: int, generator: torch.Generator) -> Tensor:
    """Shares that mixed clips keep of themselves, [count]: the larger one by Beta(1, 1), thus 0.5 to 1."""
    share = uniform((0.0, 1.0), count, generator)
    return torch.maximum(share, 1 - share)


class Mixup(Augmentation):
    """A weighted mean with another clip of the batch. Siamusic: probability 0.6, for samples and for pictures.

    Zhang et al., "mixup: Beyond empirical risk minimization" (2017), with the weight from Beta(1, 1) as in their public
    code. Without labels to mix, too, a view must remain a view of its own clip, which thus gets the larger weight.
    """

    name: Literal["mixup"] = "mixup"
    probability: float = Field(0.6, ge=0, le=1)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:
        others = partners(batch, len(clips), generator)
        return others.lerp(clips, per_clip(larger_share(len(clips), generator), clips))
