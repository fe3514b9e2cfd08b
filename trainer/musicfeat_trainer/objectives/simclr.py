"""Contrastive learning: two crops of one track attract, all others repel (Chen et al., SimCLR, 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, agreement


class SimCLRConfig(ObjectiveConfig):
    """Two augmented crops of one stretch attract, all others repel. CLMR 2021: SampleCNN on raw samples."""

    name: Literal["simclr"] = "simclr"
    temperature: float = Field(0.5, gt=0)
    width: int = Field(128, gt=0)
    """Width of the projections."""

    def build(self, setting: Setting) -> Objective:
        return SimCLR(setting, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"agreement": 1 / batch}


class SimCLR(Objective):
    """NT-Xent on a projector of one hidden layer, as wide as the encoder's vector, as in CLMR's code."""

    def __init__(self, setting: Setting, config: SimCLRConfig) -> None:
        super().__init__(setting.encoder)
        self.temperature, wide = config.temperature, setting.encoder.dimension
        self.projector = nn.Sequential(
            nn.Linear(wide, wide, bias=False), nn.ReLU(), nn.Linear(wide, config.width, bias=False)
        )

    def project(self, features: Tensor) -> Tensor:
        """Unit vectors [batch, width] of features."""
        return nn.functional.normalize(self.projector(self.encode(features)), dim=1)

    def losses(self, views: Views) -> dict[str, Tensor]:
        first, second = (self.project(x) for x in views.features)
        return {"contrastive": nt_xent(first.float(), second.float(), self.temperature)}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose second view is the nearest of the batch."""
        return {"agreement": agreement(*(self.project(x) for x in views.features))}


class Projector(nn.Module):
    """Linear map whose output the loss compares, [batch, D] -> unit vectors [batch, width]."""

    def __init__(self, dimension: int, width: int = 128) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(dimension, width, bias=False)

    def forward(self, embedding: Tensor) -> Tensor:
        return nn.functional.normalize(self.linear(embedding), dim=1)


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.15) -> Tensor:
    """Normalised temperature-scaled cross-entropy, equation 1 of the paper.

    Args:
        first: [n, width] unit vectors.
        second: [n, width], row i a positive of row i of ``first``.
        temperature: divisor of the cosines.
    """
    z = torch.cat([first, second])
    similarity = z @ z.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -torch.inf)
    partner = torch.arange(len(z), device=z.device).roll(len(first))
    return nn.functional.cross_entropy(similarity, partner)
