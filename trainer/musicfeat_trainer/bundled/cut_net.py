"""CutNet: a small convolutional network that hears cuts and backward music at every moment of a spectrogram."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.period_breaks import PeriodBreaks
from musicfeat_trainer.encoders.time_last import TimeLastConv
from musicfeat_trainer.recipe.bundled import CutsConfig

CUT_FRAMES = 2
"""Spectrogram frames from one value of the cut curve to the next."""
BACKWARDS_FRAMES = 12
"""Spectrogram frames from one value of the curve of backward music to the next."""
RARE = 0.01
"""P(cut) before training."""


class Dilated(nn.Module):
    """Residual convolution over time, [batch, channels, 1, T] -> the same shape.

    The axis of length 1 makes it a picture, over which ONNX Runtime convolves with its fastest kernels.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class CutNet(nn.Module):
    """Logits of "a cut here" and "this plays backwards" from what is heard in a window, in one pass.

    Two views are added at each place: the spectrogram, whose two convolutions stride over frequency and once over time
    and whose remaining bands become channels, and the periods around it. Dilated convolutions over time then see about
    three seconds to either side.

    Args:
        n_mels: bands of the spectrogram, a multiple of 8.
        heads: heads of the keys.
        config: sizes of the network.
    """

    def __init__(self, n_mels: int, heads: int, config: CutsConfig) -> None:
        super().__init__()
        stem, width, channels = config.stem, config.width, config.channels
        self.stem = nn.Sequential(
            TimeLastConv(1, stem, 5, (CUT_FRAMES, 4), 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU(),
            TimeLastConv(stem, width, 3, (1, 2), 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, channels, (n_mels // 8, 1), bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip
        self.periods = PeriodBreaks(heads, config.lags, config.periods, channels)
        self.over_time = nn.Sequential(nn.ReLU(), *(Dilated(channels, dilation) for dilation in config.dilations))
        self.dropout = nn.Dropout2d(config.dropout)
        self.last = nn.Conv2d(channels, 2, 1)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor([math.log(RARE / (1 - RARE)), 0.0]))  # type: ignore[union-attr]

    def forward(self, spectrogram: Tensor, periods: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both curves, T being a multiple of 12.

        Args:
            spectrogram: log-mel, silence 0, [batch, T, n_mels].
            periods: [batch, 4 * heads, lags, T // 4]; see ``PeriodCurves``.

        Returns:
            [batch, T // 2] and [batch, T // 12].
        """
        x = self.stem(spectrogram.transpose(1, 2)[:, None] * 0.25 - 1.0) + self.periods(periods)
        cut, backwards = self.last(self.dropout(self.over_time(x))).squeeze(2).unbind(1)
        pooled = backwards.reshape(backwards.shape[0], -1, BACKWARDS_FRAMES // CUT_FRAMES).mean(2)
        return cut, pooled
