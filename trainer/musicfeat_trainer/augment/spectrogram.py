"""Augmentations of mel power, whole batches at a time; none of them knows the direction of time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SpectrogramAugment:
    """Probabilities and ranges; levels in decibels, bands and frames as counts."""

    mix: float = 0.3
    mix_level: tuple[float, float] = (-20.0, -4.0)
    pitch: float = 0.5
    pitch_bands: int = 3
    equalise: float = 0.8
    equalise_depth: float = 3.0
    lowpass: float = 0.2
    noise: float = 0.3
    noise_level: tuple[float, float] = (-55.0, -25.0)
    band_mask: float = 0.5
    band_mask_width: int = 10
    edge_mask: float = 0.25
    edge_mask_frames: int = 11
    shorten: float = 0.2
    shortest: float = 0.15

    def power(self, power: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
        """[batch, T, bands] power and another batch of the same shape to mix in -> power."""
        power = self._mixed(power, other, generator)
        power = self._shifted(power, generator)
        power = power * self._equaliser(power, generator)
        return self._noisy(power, generator)

    def log_power(self, spectrogram: Tensor, piece_frames: int, generator: torch.Generator) -> Tensor:
        """Mask bands and the edges of all pieces of a normalised spectrogram, [batch, T, bands]."""
        batch, count, bands = spectrogram.shape
        start = torch.randint(0, bands, (batch, 1, 1), generator=generator)
        width = torch.randint(1, self.band_mask_width + 1, (batch, 1, 1), generator=generator)
        band = torch.arange(bands)[None, None, :]
        masked = (band >= start) & (band < start + width) & self._chosen(self.band_mask, batch, generator)
        edge = torch.randint(1, self.edge_mask_frames + 1, (batch, 1, 1), generator=generator)
        place = (torch.arange(count) % piece_frames)[None, :, None]
        outer = (place < edge) | (place >= piece_frames - edge)
        return spectrogram * ~(masked | (outer & self._chosen(self.edge_mask, batch, generator)))

    def lengths(self, batch: int, longest: int, generator: torch.Generator) -> Tensor:
        """Frames that sound in each window, [batch]: now and then fewer than ``longest``, like a short file."""
        share = self.shortest + (1 - self.shortest) * torch.rand(batch, generator=generator)
        shortened = self._chosen(self.shorten, batch, generator).flatten()
        return torch.where(shortened, (share * longest).long(), longest)

    def _mixed(self, power: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
        level = _uniform(self.mix_level, len(power), generator) / 10
        gain = 10**level * _mean(power) / _mean(other).clamp(min=1e-12)
        return power + other * gain * self._chosen(self.mix, len(power), generator)

    def _shifted(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """Pitch by whole bands; bands that move in from outside repeat the outermost one."""
        batch, _, bands = power.shape
        shift = torch.randint(-self.pitch_bands, self.pitch_bands + 1, (batch, 1), generator=generator)
        shift = shift * self._chosen(self.pitch, batch, generator)[:, 0]
        index = (torch.arange(bands)[None] + shift).clamp(0, bands - 1)
        return power.gather(2, index[:, None].expand_as(power))

    def _equaliser(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """A few cosines over frequency, and now and then a low-pass."""
        batch, _, bands = power.shape
        waves = torch.arange(1, 5)[None, :, None]
        place = torch.linspace(0, torch.pi, bands)[None, None]
        phase = torch.rand(batch, 4, 1, generator=generator) * 2 * torch.pi
        depth = torch.randn(batch, 4, 1, generator=generator) * self.equalise_depth / 10
        curve = (depth * torch.cos(waves * place + phase)).sum(1, keepdim=True)
        curve = curve * self._chosen(self.equalise, batch, generator)
        cutoff = torch.randint(bands // 2, bands, (batch, 1, 1), generator=generator)
        cut = (torch.arange(bands)[None, None] > cutoff) & self._chosen(self.lowpass, batch, generator)
        return 10 ** (curve - 5.0 * cut)

    def _noisy(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """Stationary noise of random tilt: hides quiet tails and what a codec leaves before onsets."""
        batch, _, bands = power.shape
        level = _uniform(self.noise_level, batch, generator) / 10
        tilt = torch.randn(batch, 1, 1, generator=generator) * torch.linspace(-1, 1, bands)
        grain = torch.rand(power.shape, generator=generator).clamp(min=1e-3).log().neg()
        noise = 10 ** (level + tilt) * _mean(power) * grain
        return power + noise * self._chosen(self.noise, batch, generator)

    @staticmethod
    def _chosen(probability: float, batch: int, generator: torch.Generator) -> Tensor:
        return torch.rand(batch, 1, 1, generator=generator) < probability


def _uniform(bounds: tuple[float, float], batch: int, generator: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def _mean(power: Tensor) -> Tensor:
    return power.mean(dim=(1, 2), keepdim=True)
