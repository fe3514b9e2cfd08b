"""Which instruments play: a head on what the trunk pools, and TagNet, from an early layer of the trunk on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.residual import Residual
from musicfeat_trainer.encoders.temporal_net import TrunkOutput, mean_and_maximum

SILENT = -20.0
"""Added to the logits of moments in which nothing sounds."""


class TagHead(nn.Module):
    """One hidden layer, [batch, D] -> logits [batch, labels]."""

    def __init__(self, dimension: int, labels: int, dropout: float = 0.2, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(dimension, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, labels)
        )

    def forward(self, pooled: Tensor) -> Tensor:
        return self.layers(pooled)


class TagNet(nn.Module):
    """Two residual blocks and a convolution of its own, pooled, beside what the trunk pooled: -> logits.

    Timbre needs other late layers than the direction of time; the early ones, which cost most, serve both. Two heads
    learn apart, one from windows and one from each moment where its instruments are known (strong labels, Hershey et
    al., 'The benefit of temporally-strong labels in audio event classification', 2021); the mean of the one and of
    the other's surest moment is better than either.
    """

    def __init__(self, channels: int, bands: int, dimension: int, labels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            Residual(channels, 3 * width // 4, stride=(2, 2)), Residual(3 * width // 4, width, stride=(2, 2))
        )
        self.fold = nn.Sequential(
            nn.Conv2d(width, width, (3, bands // 4), padding=(1, 0), bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.head = TagHead(2 * width + dimension, labels, dropout)
        self.moments = nn.Conv1d(width, labels, 1)

    def forward(self, trunk: TrunkOutput) -> Tensor:
        """What the trunk returns of windows -> [batch, labels] logits."""
        x = self.layers(trunk.early)
        sounds = trunk.mask[..., ::16].transpose(1, 2)
        surest = (self.momentary(x) + SILENT * (1 - sounds)).amax(1)
        return (self.logits(x, trunk) + surest) / 2

    def layers(self, early: Tensor) -> Tensor:
        """[batch, channels, T, bands] -> [batch, width, T / 4]."""
        return self.fold(self.blocks(early)).squeeze(3)

    def logits(self, x: Tensor, trunk: TrunkOutput) -> Tensor:
        """Of windows, from what ``layers`` returns, pooled over the frames that sound."""
        pooled = mean_and_maximum(x, trunk.mask[..., ::16])
        return self.head(torch.cat([*pooled, trunk.pooled], dim=1))

    def momentary(self, x: Tensor) -> Tensor:
        """Of every row in time, from what ``layers`` returns: [batch, T / 4, labels]."""
        return self.moments(x).transpose(1, 2)
