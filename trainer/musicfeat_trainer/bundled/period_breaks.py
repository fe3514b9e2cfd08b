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
    pooled = nn.functional.avg_pool2d(keys.reshape(keys.shape[0], -1, 1, keys.shape[3]), (1, POOL))
    return unit_keys(pooled.reshape(*keys.shape[:3], -1), nn.functional.max_pool1d(mask, POOL))


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
    begun: Tensor

    def __init__(self, frames: int, lags: int, memory: int) -> None:
        super().__init__()
        self.lags, self.memory = lags, memory
        # [i, t]: 1 if what begins at i has begun before t; products with it add faster than ONNX Runtime's CumSum
        self.register_buffer("begun", torch.ones(frames, frames + memory).triu(1), persistent=False)
        pairs = torch.stack(self.sums(torch.ones(1, frames)))
        self.register_buffer("shares", 1 / pairs.clamp(min=1.0), persistent=False)

    def forward(self, keys: Tensor) -> Tensor:
        """Curves [batch, 4 * heads, lags, T], of lags from 1 on, of unit keys [batch, heads, width, T]."""
        before, behind, across = (part * share for part, share in zip(self.sums(keys), self.shares, strict=True))
        return torch.cat([before, behind, across, across * (before + behind)], dim=1)

    def sums(self, keys: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over pairs of frames before, behind and across: [..., width, T] -> three of [..., lags, T]."""
        frames = keys.shape[-1]
        begun = products(keys, self.lags) @ self.begun  # [..., t]: pairs that begin before t
        now = begun[..., :frames]
        ended = later(now, self.memory)  # [..., t + memory]: pairs that end before t
        earlier, ended = ended[..., :frames], ended[..., self.memory : self.memory + frames]
        return ended - earlier, begun[..., self.memory :] - now, now - ended


def products(keys: Tensor, lags: int) -> Tensor:
    """Products of frames i and i + lag, lags from 1 on: [..., width, T] -> [..., lags, T], 0 for frames outside."""
    size = keys.shape[-1]
    rows = (keys.transpose(-2, -1) @ nn.functional.pad(keys, (0, lags))).flatten(-2)
    turned = nn.functional.pad(rows, (0, size)).unflatten(-1, (size, size + lags + 1))
    return turned[..., 1 : lags + 1].transpose(-2, -1)


def later(values: Tensor, frames: int) -> Tensor:
    """Rows [..., lags, T], the first one frame later, the second two, and so on, and all of them ``frames`` later.

    Returns:
        [..., lags, frames + T + lags], 0 outside of what was there.
    """
    lags, size = values.shape[-2:]
    width = frames + size + lags
    rows = nn.functional.pad(values, (frames + 1, lags)).flatten(-2)  # each row a frame later
    return rows[..., : lags * width].unflatten(-1, (lags, width))


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
        x = self.fold(self.over_lags(curves))
        batch, several, _, frames = x.shape
        x = x.reshape(batch, POOL, -1, frames).permute(0, 2, 3, 1).reshape(batch, several // POOL, 1, POOL * frames)
        # the pool changes no value, but ONNX Runtime then keeps the layout of its convolutions in all layers behind it
        return nn.functional.max_pool2d(x, 1)
