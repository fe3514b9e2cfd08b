"""Networks that name instruments: a head on the trunk's pooled vector, and TagNet on a middle layer of the trunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.residual import Residual
from musicfeat_trainer.encoders.temporal_net import TrunkOutput, mean_and_maximum
from musicfeat_trainer.encoders.time_last import TimeLastConv


class TagHead(nn.Module):
    """Perceptron with one hidden layer, [batch, D] -> logits [batch, labels]."""

    def __init__(self, dimension: int, labels: int, dropout: float = 0.2, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(dimension, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, labels)
        )

    def forward(self, pooled: Tensor) -> Tensor:
        return self.layers(pooled)


class TagNet(nn.Module):
    """Network of a residual block and a convolution, pooled and joined with the trunk's pooled vector, to logits.

    Timbre needs other late layers than the direction of time; the early layers, which cost most, serve both.
    """

    def __init__(self, channels: int, bands: int, dimension: int, labels: int, width: int, dropout: float) -> None:
        super().__init__()
        self.block = Residual(channels, width, stride=(2, 2))
        self.fold = nn.Sequential(
            TimeLastConv(width, width, (3, bands // 2), padding=(1, 0), bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.head = TagHead(2 * width + dimension, labels, dropout)

    def forward(self, trunk: TrunkOutput) -> Tensor:
        """Logits [batch, labels] from the trunk's output for windows."""
        return self.logits(self.layers(trunk.middle), trunk)

    def layers(self, middle: Tensor) -> Tensor:
        """Late layers of TagNet, [batch, channels, bands, T] -> [batch, width, T / 2]."""
        return self.fold(self.block(middle)).squeeze(2)

    def logits(self, x: Tensor, trunk: TrunkOutput) -> Tensor:
        """Logits from late layers, pooled over the frames that sound, and the trunk's pooled vector."""
        pooled = mean_and_maximum(x, trunk.mask[..., ::16])
        return self.head(torch.cat([*pooled, trunk.pooled], dim=1))
