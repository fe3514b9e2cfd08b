"""Time reversal: tell whether music plays backwards (Addepalli et al., 2019, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.features import time_axis
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views


class TimeReversalConfig(ObjectiveConfig):
    """Clips played forwards or backwards. NYU 2019: constant-Q decibels, ConvNet, clips of 5 or 10 s."""

    name: Literal["time_reversal"] = "time_reversal"

    def build(self, setting: Setting) -> Objective:
        return TimeReversal(setting.encoder)

    def chance(self, batch: int) -> Mapping[str, float]:  # noqa: ARG002
        return {"reversal": 1 / 2}


class TimeReversal(Objective):
    """Clips, each flipped in time with probability one half; binary cross-entropy on a linear layer."""

    views = 1
    flips = True

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.head = ReversalHead(encoder.dimension, dropout=0.0)

    def losses(self, views: Views) -> dict[str, Tensor]:
        features = views.features[0]
        backwards = torch.rand(len(features)) < 0.5
        logits = self.head(self.encode(flipped(features, backwards)))
        return {"reversal": reversal_loss(logits, backwards.to(logits), smoothing=0.0)}

    def figures(self, views: Views) -> dict[str, float]:
        """Accuracy over each clip played both ways."""
        features = views.features[0]
        forwards, backwards = (self.head(self.encode(x)) for x in (features, features.flip(time_axis(features))))
        return {"reversal": float(torch.cat([forwards < 0, backwards > 0]).float().mean())}

    def judgements(self, embedding: Tensor) -> dict[str, Tensor]:
        return {"reversal": torch.sigmoid(self.head(embedding))}

    def certainty(self, views: Views) -> Tensor:
        return torch.sigmoid(-self.head(self.encode(views.features[0])))


def flipped(features: Tensor, backwards: Tensor) -> Tensor:
    """Features with the rows of ``backwards``, [batch] bool, flipped in time."""
    rows = backwards.to(features.device).view(-1, *[1] * (features.ndim - 1))
    return torch.where(rows, features.flip(time_axis(features)), features)


class ReversalHead(nn.Module):
    """Linear layer on the embedding, [batch, D] -> logit of 'plays backwards' [batch]."""

    def __init__(self, dimension: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(dimension, 1))

    def forward(self, embedding: Tensor) -> Tensor:
        return self.layers(embedding).squeeze(1)


def reversal_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.05, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy with smoothed labels; ``weights`` balance windows of either kind."""
    target = labels * (1 - smoothing) + smoothing / 2
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each.mean() if weights is None else (each * weights).sum() / weights.sum()
