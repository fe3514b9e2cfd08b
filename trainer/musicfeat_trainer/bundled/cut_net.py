"""CutNet: a small convolutional network that hears cuts and backward music at every moment of a spectrogram."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from musicfeat_trainer.encoders.time_last import TimeLastConv

CUT_FRAMES = 2
"""Spectrogram frames from one value of the cut curve to the next."""
BACKWARDS_FRAMES = 12
"""Spectrogram frames from one value of the curve of backward music to the next."""
RARE = 0.01
"""P(cut) before training."""


class Dilated(nn.Module):
    """Residual convolution over time, [batch, channels, T] -> the same shape."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class CutNet(nn.Module):
    """Logits of "a cut here" and "this plays backwards" from a log-mel spectrogram, in one pass.

    Two convolutions stride over frequency and once over time, the remaining bands are folded into channels, and
    dilated convolutions over time see about three seconds to either side. It takes a few per cent of the trunk's time.

    Args:
        n_mels: bands of the spectrogram, a multiple of 8.
        stem: channels of the first convolution.
        width: channels of the second.
        channels: channels over time.
        dilations: dilation of each convolution over time.
        dropout: share of channels that training leaves out before the last layer.
    """

    def __init__(
        self, n_mels: int, stem: int, width: int, channels: int, dilations: Sequence[int], dropout: float
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            TimeLastConv(1, stem, 5, (CUT_FRAMES, 4), 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU(),
            TimeLastConv(stem, width, 3, (1, 2), 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip
        self.fold = nn.Sequential(
            nn.Conv1d(width * (n_mels // 8), channels, 1, bias=False), nn.BatchNorm1d(channels), nn.ReLU()
        )
        self.over_time = nn.Sequential(*(Dilated(channels, dilation) for dilation in dilations))
        self.dropout = nn.Dropout1d(dropout)
        self.last = nn.Conv1d(channels, 2, 1)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor([math.log(RARE / (1 - RARE)), 0.0]))  # type: ignore[union-attr]

    def forward(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, T // 2] and [batch, T // 12] of log-mel [batch, T, n_mels], silence 0, T a multiple of 12."""
        x = self.stem(spectrogram.transpose(1, 2)[:, None] / 4.0 - 1.0)
        x = self.over_time(self.fold(x.flatten(1, 2)))
        cut, backwards = self.last(self.dropout(x)).unbind(1)
        pooled = backwards.reshape(backwards.shape[0], -1, BACKWARDS_FRAMES // CUT_FRAMES).mean(2)
        return cut, pooled
