"""BYOL: a view predicts what a trailing copy of the network makes of the other view (Grill et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.heads import perceptron
from musicfeat_trainer.objectives.momentum import trail, trailing_copy
from musicfeat_trainer.objectives.objective import (
    Objective,
    ObjectiveConfig,
    Setting,
    Views,
    likeness_chance,
    likeness_figures,
)


class BYOLConfig(ObjectiveConfig):
    """A view predicts what a trailing copy of the network makes of the other view. BYOL 2020: ResNet-50."""

    name: Literal["byol"] = "byol"
    width: int = Field(256, gt=0)
    """Width of projections and predictions."""
    hidden: int = Field(4096, gt=0)
    """Width of the hidden layers of projector and predictor."""
    momentum: float = Field(0.996, ge=0, le=1)
    """Share of its old value that a weight of the copy keeps in a step."""
    rise: int | None = Field(None, gt=0)
    """Steps over which the momentum rises to 1 along a cosine, in the paper the whole run; None: it stays."""

    def build(self, setting: Setting) -> Objective:
        return BYOL(setting.encoder, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return likeness_chance(batch)


class BYOL(Objective):
    """Encoder, projector and predictor; the target is a copy of the first two. Section 3 of the paper."""

    steps: Tensor
    watched = ("agreement",)  # the others only detect a collapse

    def __init__(self, encoder: Encoder, config: BYOLConfig) -> None:
        super().__init__(encoder)
        self.config = config
        self.projector = perceptron(encoder.dimension, config.hidden, config.width)
        self.predictor = perceptron(config.width, config.hidden, config.width)
        self.target_encoder = trailing_copy(encoder)
        self.target_projector = trailing_copy(self.projector)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def losses(self, views: Views) -> dict[str, Tensor]:
        first, second = views.features
        return {"prediction": self._loss(first, second) + self._loss(second, first)}

    def _loss(self, view: Tensor, other: Tensor) -> Tensor:
        with torch.no_grad():
            target = self.target_projector(self.encode(other, self.target_encoder))
        return byol_loss(self.predictor(self.projector(self.encode(view))), target)

    def figures(self, views: Views) -> dict[str, float]:
        first, second = (self.projector(self.encode(x)) for x in views.features)
        return likeness_figures(first, second)

    def after_step(self) -> None:
        momentum = momentum_at(int(self.steps), self.config.momentum, self.config.rise)
        trail(self.target_encoder, self.encoder, momentum)
        trail(self.target_projector, self.projector, momentum)
        self.steps += 1


def momentum_at(step: int, base: float, rise: int | None) -> float:
    """Momentum at a step: from ``base`` to 1 along half a cosine of ``rise`` steps, or ``base`` throughout."""
    return base if rise is None else 1 - (1 - base) * (math.cos(math.pi * min(step / rise, 1)) + 1) / 2


def byol_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """Mean squared distance of unit vectors, equation 2 of the paper, [n, width] both; in [0, 4].

    Gradients flow into the predictions alone.
    """
    return (2 - 2 * nn.functional.cosine_similarity(predictions, targets.detach())).mean()
