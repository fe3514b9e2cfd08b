"""Distillation: a student learns published teachers' answers for the same music (Hinton, Vinyals and Dean, 2015).

Targets are the penultimate layers of the teachers (Romero et al., FitNets, 2015) and the logits of their tags:
matching logits is distillation at high temperature (Hinton et al., equation 4). Each number is standardised over
the training music, so that rare tags and quiet dimensions count like the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.data.teachers import TeacherConfig
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views

LEAST = 1e-3
"""Least distance of probabilities from 0 and 1, before their logits are compared."""


class DistillationConfig(ObjectiveConfig):
    """Tags and embeddings that published taggers give for the clip. Hinton 2015, Romero 2015."""

    name: Literal["distillation"] = "distillation"
    teachers: tuple[TeacherConfig, ...] = Field(min_length=1)
    width: int = Field(128, gt=0)
    """Width of the layer that all answers are read from."""
    dropout: float = Field(0.1, ge=0, lt=1)

    def build(self, setting: Setting) -> Objective:
        return TaughtEncoder(setting.encoder, self)

    def chance(self, batch: int) -> Mapping[str, float]:  # noqa: ARG002
        return {"explained": 0.0}


class TaughtEncoder(Objective):
    """Encoder whose vector must predict the teachers' answers for the same clip."""

    views: ClassVar[int] = 1

    def __init__(self, encoder: Encoder, config: DistillationConfig) -> None:
        super().__init__(encoder)
        sizes = [(teacher.tags, teacher.embedding) for teacher in config.teachers]
        self.distillation = Distillation(encoder.dimension, sizes, config.width, dropout=config.dropout)

    def losses(self, views: Views) -> dict[str, Tensor]:
        return {"distillation": self._error(views)}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of the variance of the teachers' answers that the student explains, at least 0."""
        return {"explained": max(0.0, 1 - float(self._error(views)))}

    def _error(self, views: Views) -> Tensor:
        assert views.said is not None
        return self.distillation.loss(self.distillation(self.encode(views.features[0])), views.said)


class Distillation(nn.Module):
    """Layers from an encoder's vector to a knowledge vector, and from that to all answers of the teachers.

    Args:
        dimension: width of the encoder's vector.
        teachers: tags and embedding numbers of each teacher, in the order of the targets.
        width: width of ``knowledge``.
        hidden: width of the layer before it.
        dropout: share of the encoder's vector that is dropped.
    """

    mean: Tensor
    deviation: Tensor
    is_tag: Tensor

    def __init__(
        self,
        dimension: int,
        teachers: Sequence[tuple[int, int]],
        width: int = 128,
        hidden: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width, self.sizes = width, [size for teacher in teachers for size in teacher]
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(dimension, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(),
            nn.Linear(hidden, width, bias=False), nn.BatchNorm1d(width, affine=False),
        )  # fmt: skip
        self.said = nn.Linear(width, sum(self.sizes))
        is_tag = [torch.full((size,), i % 2 == 0) for i, size in enumerate(self.sizes)]
        self.register_buffer("is_tag", torch.cat(is_tag), persistent=False)
        self.register_buffer("mean", torch.zeros(sum(self.sizes)))
        self.register_buffer("deviation", torch.ones(sum(self.sizes)))

    def forward(self, vector: Tensor) -> Tensor:
        """Knowledge [batch, width] of unit variance, from vectors [batch, dimension]."""
        return self.layers(vector)

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Take the mean and deviation to standardise by from targets, [n, all answers of the teachers]."""
        compared = self.compared(targets)
        self.mean.copy_(compared.mean(0))
        self.deviation.copy_(compared.std(0).clamp(min=1e-3))

    def compared(self, targets: Tensor) -> Tensor:
        """Targets with the logits of tags in place of their probabilities."""
        return torch.where(self.is_tag, torch.logit(targets, LEAST), targets)

    def loss(self, knowledge: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error to the standardised targets; each teacher's tags and its embedding count alike.

        Args:
            knowledge: [batch, width].
            targets: [batch, all answers of the teachers], tags as probabilities.
        """
        wanted = (self.compared(targets) - self.mean) / self.deviation
        errors = (self.said(knowledge) - wanted).square().split(self.sizes, dim=1)
        return torch.stack([error.mean() for error in errors]).mean()

    def tags(self, knowledge: Tensor) -> Tensor:
        """Probabilities of tags, [batch, tags of all teachers]."""
        logits = self.said(knowledge) * self.deviation + self.mean
        return torch.sigmoid(logits[:, self.is_tag])
