"""Periods around every moment: music repeats, and where something was cut out its period breaks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.lag_profiles import unit_keys

POOL = 2
"""Frames of the joins' keys that are read as one, and places of the cut curve that share what is found there."""
CURVES = 4
"""Curves of each head: before a moment, behind it, across it, and the product of across with the others."""


def pooled_keys(keys: Tensor, mask: Tensor) -> Tensor:
    """Unit keys [batch, heads, width, T // 2] of neighbouring frames together.

    The mean over the frames that sound is subtracted. Where nothing sounds, keys are 0.

    Args:
        keys: [batch, heads, width, T].
        mask: 1 for a frame that sounds, [batch, T].
    """
    # with two spatial axes, ONNX Runtime pools many channels at once
    keys = nn.functional.avg_pool2d(keys.flatten(1, 2)[:, :, None], (1, POOL)).squeeze(2).unflatten(1, keys.shape[1:3])
    return unit_keys(keys, nn.functional.max_pool1d(mask, POOL))


class PeriodCurves(nn.Module):
    """Likeness of sounds that lie a lag apart, before, behind and across the beginning of every frame.

    The same comparison as in ``LagProfiles``, at every moment of a window in one pass: running sums along the diagonals
    of all products of frames give the mean over any stretch as a difference of two values.

    Args:
        frames: T, frames of a window.
        lags: greatest lag in frames.
        memory: frames before and behind a moment whose pairs are read, beside those that lie across it.
    """

    shares: Tensor

    def __init__(self, frames: int, lags: int, memory: int) -> None:
        super().__init__()
        self.lags, self.memory = lags, memory
        pairs = self.sums(torch.ones(1, 1, frames, frames))
        self.register_buffer("shares", 1 / pairs.clamp(min=1.0), persistent=False)

    def forward(self, keys: Tensor) -> Tensor:
        """Curves [batch, 4 * heads, lags, T], of lags from 1 on, of unit keys [batch, heads, width, T]."""
        means = self.sums(keys.transpose(2, 3) @ keys) * self.shares
        product = means[:, 2:] * (means[:, :1] + means[:, 1:2])
        return torch.cat([means, product], dim=1).flatten(1, 2)

    def sums(self, products: Tensor) -> Tensor:
        """Sums over pairs of frames before, behind and across: [batch, heads, T, T] -> [batch, 3, heads, lags, T]."""
        frames = products.shape[3]
        running = diagonals(products, self.lags).cumsum(3)
        last = running[..., -1:].expand(*running.shape[:3], self.memory - 1)
        begun = torch.cat([torch.zeros_like(running[..., :1]), running, last], dim=3)
        now = begun[..., :frames]  # [..., t]: pairs that begin before t
        ended = later(now)  # [..., t]: pairs that end before t
        earlier = nn.functional.pad(ended, (self.memory, 0))[..., :frames]
        return torch.stack([ended - earlier, begun[..., self.memory :] - now, now - ended], dim=1)


def diagonals(products: Tensor, lags: int) -> Tensor:
    """Products i, i + lag of a square [..., T, T] -> [..., lags, T], of lags from 1 on; 0 where i + lag is outside."""
    size = products.shape[-1]
    rows = nn.functional.pad(products, (0, lags)).flatten(-2)
    turned = nn.functional.pad(rows, (0, size)).unflatten(-1, (size, size + lags + 1))
    return turned[..., 1 : lags + 1].transpose(-2, -1)


def later(values: Tensor) -> Tensor:
    """Rows [..., lags, T], the first one frame later, the second two, and so on; 0 before their beginning."""
    lags, size = values.shape[-2:]
    rows = nn.functional.pad(values, (1, lags)).flatten(-2)  # each row a frame later
    turned = rows[..., : lags * (size + lags)].unflatten(-1, (lags, size + lags))
    return turned[..., :size]


class PeriodBreaks(nn.Module):
    """Features of the periods around each moment, [batch, 4 * heads, lags, T] -> [batch, channels, 1, 2 * T]."""

    def __init__(self, heads: int, lags: int, width: int, channels: int) -> None:
        super().__init__()
        inputs = CURVES * heads
        self.over_lags = nn.Sequential(
            nn.Conv2d(inputs, width, (5, 1), (3, 1), (1, 0), bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, (5, 1), (2, 1), (2, 0), bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )  # fmt: skip
        several = channels * POOL
        self.fold = nn.Sequential(nn.Conv2d(width, several, (lags // 6, 1), bias=False), nn.BatchNorm2d(several))

    def forward(self, curves: Tensor) -> Tensor:
        x = self.fold(self.over_lags(curves)).squeeze(2)
        return x.unflatten(1, (POOL, -1)).permute(0, 2, 3, 1).flatten(2)[:, :, None]
