"""Networks that name instruments: a head on the trunk's pooled vector, and TagNet on an early layer of the trunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.residual import Residual
from musicfeat_trainer.encoders.temporal_net import TrunkOutput, mean_and_maximum
from musicfeat_trainer.encoders.time_last import TimeLastConv

SILENT = -1e4
"""What is added to a silent frame's attention."""


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
    """Network of two residual blocks and a convolution, to logits.

    Timbre needs other late layers than the direction of time; the first layers, which cost most, serve both. A logit is
    the sum of two: of the window, from the mean and maximum of the last layer and the trunk's pooled vector, and of its
    moments, weighed by attention, since an instrument may play for a moment only (Kong et al., 2018).

    Args:
        channels: channels of the trunk's early layer.
        bands: its bands.
        dimension: length of the trunk's pooled vector.
        labels: number of labels.
        widths: channels of the blocks.
        dropout: share of numbers dropped before each linear layer in training.
    """

    def __init__(
        self, channels: int, bands: int, dimension: int, labels: int, widths: tuple[int, int], dropout: float
    ) -> None:
        super().__init__()
        width = widths[1]
        self.blocks = nn.Sequential(
            Residual(channels, widths[0], stride=(2, 2)), Residual(widths[0], width, stride=(2, 2))
        )
        self.fold = nn.Sequential(
            TimeLastConv(width, width, (3, bands // 4), padding=(1, 0), bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.head = TagHead(2 * width + dimension, labels, dropout)
        self.dropout = nn.Dropout(dropout)
        self.moments = nn.Conv1d(width, labels, 1)
        self.attention = nn.Conv1d(width, labels, 1)

    def forward(self, trunk: TrunkOutput) -> Tensor:
        """Logits [batch, labels] from the trunk's output for windows."""
        return self.logits(self.layers(trunk.early), trunk)

    def layers(self, early: Tensor) -> Tensor:
        """Late layers of TagNet, [batch, channels, bands, T] -> [batch, width, T / 4]."""
        return self.fold(self.blocks(early)).squeeze(2)

    def logits(self, x: Tensor, trunk: TrunkOutput) -> Tensor:
        """Logits from late layers over the frames that sound, and from the trunk's pooled vector."""
        sounding = trunk.mask[..., ::16]
        window = self.head(torch.cat([*mean_and_maximum(x, sounding), trunk.pooled], dim=1))
        x = self.dropout(x)
        weights = torch.softmax(self.attention(x) + SILENT * (1 - sounding), dim=2)
        return window + (weights * self.moments(x)).sum(2)
