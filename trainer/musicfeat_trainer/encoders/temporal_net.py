"""TemporalNet: one small trunk for every output of the bundled models."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

PIECES = 3
"""A window is read as this many equal pieces; early layers never look across their joins."""


class TrunkOutput(NamedTuple):
    """What the heads read of T spectrogram frames; T' is T / (2 * pieces). Masks are 0 for padding and silence."""

    embedding: Tensor  # [batch, D]
    frames: Tensor  # [batch, T / 16, width]
    early: Tensor  # [batch, pieces, channels, T', bands]
    early_mask: Tensor  # [batch, pieces, T']


class TemporalNet(nn.Module):
    """A residual network over a log-mel window, cheap enough that decoding the file costs more.

    A stem and one residual block run on each piece of the window by itself, so that what they
    return may be compared across pieces without a leak. The rest sees the whole window: three residual
    blocks that halve time and frequency, a convolution that folds all bands into channels, a dilated
    one over time, and masked statistics. The embedding joins mean and maximum of the
    last layer with mean and maximum of a middle one, each dimension standardised over the
    training data.
    """

    time_step = 16
    """Spectrogram frames to one row of ``frames``."""

    def __init__(
        self,
        n_mels: int = 64,
        stem: int = 16,
        early: int = 32,
        widths: tuple[int, int, int] = (48, 64, 128),
        frames: int = 160,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, stem, 5, 2, 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU())
        self.block1 = Residual(stem, early, stride=(1, 2), second=(3, 1))
        self.block2 = Residual(early, widths[0], stride=(2, 2))
        self.block3 = Residual(widths[0], widths[1], stride=(2, 2))
        self.block4 = Residual(widths[1], widths[2], stride=(2, 2))
        bands = n_mels // 32
        self.temporal = nn.Sequential(
            nn.Conv2d(widths[2], frames, (3, bands), padding=(1, 0), bias=False),
            nn.BatchNorm2d(frames),
            nn.ReLU(),
            nn.Conv2d(frames, frames, (3, 1), padding=(2, 0), dilation=(2, 1), bias=False),
            nn.BatchNorm2d(frames),
            nn.ReLU(),
        )
        self.dimension = 2 * frames + 2 * widths[1]
        self.early_channels, self.early_bands = early, n_mels // 4
        self.standardise = nn.BatchNorm1d(self.dimension, affine=False)

    def forward(self, spectrogram: Tensor) -> TrunkOutput:
        """[batch, T, n_mels] log-mel, silence 0, T a multiple of 2 * PIECES -> what the heads need."""
        return self.late_layers(*self.early_layers(spectrogram, PIECES))

    def early_layers(self, spectrogram: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
        """Stem and first block, piece by piece: features [batch, pieces, channels, T', bands], mask."""
        batch, count, bands = spectrogram.shape
        x = spectrogram.reshape(batch * pieces, 1, count // pieces, bands)
        mask = (spectrogram.amax(dim=2) > 0).to(x.dtype).reshape(batch, pieces, -1)[..., ::2]
        x = self.block1(self.stem(x / 4.0 - 1.0))
        return x.reshape(batch, pieces, *x.shape[1:]), mask

    def late_layers(self, early: Tensor, early_mask: Tensor) -> TrunkOutput:
        """The rest of the trunk, over the pieces joined to one window."""
        x = early.transpose(1, 2).flatten(2, 3)
        middle = self.block3(self.block2(x))
        mask = early_mask.flatten(1)[:, None]
        x = self.temporal(self.block4(middle)).squeeze(3)
        embedding = [*masked_statistics(x, mask[..., ::8]), *masked_statistics(middle.mean(3), mask[..., ::4])]
        return TrunkOutput(self.standardise(torch.cat(embedding, dim=1)), x.transpose(1, 2), early, early_mask)


class Residual(nn.Module):
    """Two convolutions and a projected shortcut (He et al., 2016); strides are (time, frequency)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int], second: tuple[int, int] = (3, 3)) -> None:
        super().__init__()
        padding = (second[0] // 2, second[1] // 2)
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, second, 1, padding, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def masked_statistics(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum over the last axis where ``mask`` is 1: [batch, C, T] -> two of [batch, C]."""
    masked = x * mask
    return masked.sum(2) / mask.sum(2).clamp(min=1.0), masked.amax(2)
