"""Pretext-invariant representations by jigsaw (Misra and van der Maaten, PIRL, 2020, arXiv 1912.01991)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.objectives.memory_bank import MemoryBank
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, agreement
from musicfeat_trainer.objectives.pieces import PiecesConfig


class PIRLConfig(ObjectiveConfig):
    """A clip and its jigsaw are one and the same, all other clips differ. PIRL 2020; needs [method.pieces]."""

    name: Literal["pirl"] = "pirl"
    weight: float = Field(0.5, ge=0, le=1)
    """Weight of the jigsaw's loss, lambda in the paper; the clip itself has the rest."""
    negatives: int = Field(32000, gt=0)
    """Number of instances drawn against each clip."""
    temperature: float = Field(0.07, gt=0)
    momentum: float = Field(0.5, ge=0, lt=1)
    """Share of its old value that a remembered vector keeps."""
    width: int = Field(128, gt=0)
    """Width of remembered vectors."""

    def build(self, setting: Setting) -> Objective:
        if setting.pieces is None:
            raise InputError("pirl shuffles the pieces of clips: add a table [method.pieces]")
        return PIRL(setting, setting.pieces, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"agreement": 1 / batch}


class PIRL(Objective):
    """Two linear heads, for the clip and for its jigsaw, against a memory bank that follows the clip's head.

    The paper encodes each of nine patches by itself and joins them in the jigsaw's head. Here the encoder reads all
    pieces of a clip at once, in channels or in time, so that this head is one linear map, too. Jigsaws never keep the
    true order: unlike in the paper, the clip itself is cut, too, and would be its own jigsaw.
    """

    views = 1

    def __init__(self, setting: Setting, pieces: PiecesConfig, config: PIRLConfig) -> None:
        super().__init__(setting.encoder)
        self.config, self.pieces = config, pieces
        self.clip_head = nn.Linear(setting.encoder.dimension, config.width)
        self.jigsaw_head = nn.Linear(setting.encoder.dimension, config.width)
        self.bank = MemoryBank(config.width, config.momentum)
        self._seen: tuple[Tensor, Tensor] | None = None

    def prepare(self, instances: int) -> None:
        self.bank.prepare(instances)

    def project(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors [batch, width] of clips, and of freshly drawn jigsaws of them."""
        shuffled = self.pieces.reordered(features, drawn_orders(len(features), self.pieces.count))
        vectors = self.clip_head(self.encode(features)), self.jigsaw_head(self.encode(shuffled))
        return nn.functional.normalize(vectors[0], dim=1), nn.functional.normalize(vectors[1], dim=1)

    def losses(self, views: Views) -> dict[str, Tensor]:
        clip, jigsaw = self.project(views.features[0])
        self._seen = clip.detach(), views.instances
        others = drawn_others(views.instances, len(self.bank.vectors), self.config.negatives)
        weights = {"clip": 1 - self.config.weight, "jigsaw": self.config.weight}
        return {
            name: weights[name] * self._contrast(vectors, views.instances, others)
            for name, vectors in (("clip", clip), ("jigsaw", jigsaw))
        }

    def _contrast(self, vectors: Tensor, instances: Tensor, others: Tensor) -> Tensor:
        logits = self.bank.cosines(vectors) / self.config.temperature
        return pirl_nce(logits.gather(1, instances[:, None]), logits.gather(1, others))

    def after_step(self) -> None:
        """Remember the vectors of clips, not those of jigsaws."""
        if self._seen:
            self.bank.remember(*self._seen)

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose jigsaw is the nearest of the batch."""
        return {"agreement": agreement(*self.project(views.features[0]))}


def pirl_nce(own: Tensor, others: Tensor) -> Tensor:
    """Loss by the paper's estimator (section 2.1): the own instance is the same, and each of the others is not.

    With S the sum of exp(x) over the others, a pair of logit x is the same with probability exp(x) / (exp(x) + S).
    Some configurations in the authors' code keep the term of the own instance alone.

    Args:
        own: [batch, 1] cosines with the remembered vector of the same instance, divided by the temperature.
        others: [batch, negatives] cosines with other instances, divided likewise.
    """
    total = others.logsumexp(dim=1, keepdim=True)
    softplus = nn.functional.softplus
    return softplus(total - own).mean() + softplus(others - total).sum(1).mean()


def drawn_orders(batch: int, count: int) -> Tensor:
    """Orders [batch, count], drawn evenly from all orders of ``count`` pieces but the true one."""
    orders = torch.tensor(list(permutations(range(count))))
    return orders[torch.randint(1, len(orders), (batch,))]


def drawn_others(instances: Tensor, count: int, negatives: int) -> Tensor:
    """Instances [batch, negatives] below ``count``, drawn evenly with replacement, never a row's own."""
    drawn = torch.randint(count - 1, (len(instances), negatives), device=instances.device)
    return drawn + (drawn >= instances[:, None])
