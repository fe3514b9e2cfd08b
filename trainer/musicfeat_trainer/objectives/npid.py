"""Non-parametric instance discrimination (Wu et al., 2018, arXiv 1805.01978)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.distributed import gathered
from musicfeat_trainer.features import time_axis
from musicfeat_trainer.objectives.memory_bank import MemoryBank
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, agreement


class NPIDConfig(ObjectiveConfig):
    """Search for a clip's own stretch of the data. Berkeley 2022: ResNet-50 on three log-mels with SpecAugment.

    That thesis keeps the authors' settings; the defaults are those of their paper and of their code for ImageNet.
    """

    name: Literal["npid"] = "npid"
    noise: int = Field(4096, gt=0)
    """Number of instances drawn against each clip."""
    temperature: float = Field(0.07, gt=0)
    momentum: float = Field(0.5, ge=0, lt=1)
    """Share of its old value that a remembered vector keeps."""
    proximal: float = Field(0.0, ge=0)
    """Weight of the squared distance to remembered vectors (section 3.3); the authors' code leaves it out."""
    width: int = Field(128, gt=0)
    """Width of remembered vectors."""

    def build(self, setting: Setting) -> Objective:
        return NPID(setting, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"agreement": 1 / batch}


class NPID(Objective):
    """Contrast of one view of a clip with a memory bank; a linear head, noise drawn evenly from all instances."""

    views = 1

    def __init__(self, setting: Setting, config: NPIDConfig) -> None:
        super().__init__(setting.encoder)
        self.config = config
        self.head = nn.Linear(setting.encoder.dimension, config.width)
        self.bank = MemoryBank(config.width, config.momentum)
        self.partition: Tensor
        self.register_buffer("partition", torch.zeros(()))
        self._seen: tuple[Tensor, Tensor] | None = None

    def prepare(self, instances: int) -> None:
        self.bank.prepare(instances)

    def project(self, features: Tensor) -> Tensor:
        """Unit vectors [batch, width] of features."""
        return nn.functional.normalize(self.head(self.encode(features)), dim=1)

    def losses(self, views: Views) -> dict[str, Tensor]:
        vectors, instances = self.project(views.features[0]), views.instances[:, None]
        self._seen = vectors.detach(), views.instances
        logits = self.bank.cosines(vectors) / self.config.temperature
        count = logits.shape[1]
        noise = logits.gather(1, torch.randint(count, (len(vectors), self.config.noise), device=logits.device))
        self._estimate_partition(noise.detach(), count)
        losses = {"nce": nce(logits.gather(1, instances), noise, self.partition.log(), count)}
        if self.config.proximal:
            moved = (vectors - self.bank.vectors[views.instances]).square().sum(1).mean()
            losses["proximal"] = self.config.proximal * moved
        return losses

    def _estimate_partition(self, noise: Tensor, instances: int) -> None:
        """Estimate the normalising constant from the first batch, once and for all (equation 8 of the paper)."""
        estimate = instances * gathered(noise.exp().mean(1)).mean()
        self.partition.copy_(torch.where(self.partition > 0, self.partition, estimate))

    def after_step(self) -> None:
        """Remember the encoded vectors."""
        if self._seen:
            self.bank.remember(*self._seen)

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose first half finds its own second half among those of the batch.

        Held-out clips have no place in the memory, and training sees only one view of a clip.
        """
        return {"agreement": agreement(*(self.project(x) for x in halves(views.features[0])))}


def nce(own: Tensor, noise: Tensor, log_partition: Tensor, instances: int) -> Tensor:
    """Noise-contrastive estimation, equations 4 to 7 of the paper, which tells a clip's own instance from noise.

    Args:
        own: [batch, 1] cosines of clips with their own remembered vectors, divided by the temperature.
        noise: [batch, m] cosines with instances drawn evenly, divided likewise.
        log_partition: logarithm of the normalising constant Z.
        instances: number n of instances; each has probability 1 / n as noise.
    """
    shift = log_partition + math.log(noise.shape[1] / instances)
    softplus = nn.functional.softplus
    return softplus(shift - own).mean() + softplus(noise - shift).sum(1).mean()


def halves(features: Tensor) -> tuple[Tensor, Tensor]:
    """First half of each clip, played twice to keep its length, and the second half likewise."""
    axis = time_axis(features)
    length = features.shape[axis]
    place = torch.arange(length, device=features.device) % (length // 2)
    return features.index_select(axis, place), features.index_select(axis, place + length // 2)
