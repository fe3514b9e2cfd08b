"""Augmentations of whole batches of mel power; none depends on the direction of time."""

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
    alike: float = 0.7
    shorten: float = 0.2
    shortest: float = 0.15

    def power(self, power: Tensor, generator: torch.Generator, pairs: int = 0) -> tuple[Tensor, Tensor]:
        """Augment [batch, T, bands] of power; each clip may get its predecessor in the batch mixed in.

        Args:
            power: the batch.
            generator: the only source of randomness.
            pairs: number of pairs of crops of one track; the batch begins with all first, then all second crops.
                Most pairs share one pitch and one equalisation, by which a track can still be recognised.

        Returns:
            The power, and a mask of the mixed clips, [batch] bool.
        """
        mixed = self._chosen(self.mix, len(power), generator)
        power = self._mixed(power, power.roll(1, 0), generator, mixed)
        alike = torch.rand(pairs, 1, 1, generator=generator) < self.alike
        power = self._shifted(power, generator, alike)
        power = power * self._equaliser(power, generator, alike)
        return self._noisy(power, generator), mixed.flatten()

    def alone(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """Augment sounds with silence between them: equalisation, and nothing that fills the silence."""
        return power * self._equaliser(power, generator, torch.zeros(0, 1, 1, dtype=torch.bool))

    def worn(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """Augment music whose edits are to be heard: pitch, equalisation and noise, nothing that mixes or masks."""
        alone = torch.zeros(0, 1, 1, dtype=torch.bool)
        power = self._shifted(power, generator, alone)
        return self._noisy(power * self._equaliser(power, generator, alone), generator)

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
        """Numbers of frames that sound in windows, [batch]: now and then fewer than ``longest``, like a short file."""
        share = self.shortest + (1 - self.shortest) * torch.rand(batch, generator=generator)
        shortened = self._chosen(self.shorten, batch, generator).flatten()
        return torch.where(shortened, (share * longest).long(), longest)

    def _mixed(self, power: Tensor, other: Tensor, generator: torch.Generator, mixed: Tensor) -> Tensor:
        level = _uniform(self.mix_level, len(power), generator) / 10
        gain = 10**level * _mean(power) / _mean(other).clamp(min=1e-12)
        return power + other * gain * mixed

    def _shifted(self, power: Tensor, generator: torch.Generator, alike: Tensor) -> Tensor:
        """Shift pitch by whole bands; bands that move in from outside repeat the outermost one."""
        batch, _, bands = power.shape
        shift = torch.randint(-self.pitch_bands, self.pitch_bands + 1, (batch, 1, 1), generator=generator)
        shift = _paired(shift * self._chosen(self.pitch, batch, generator), alike)
        index = (torch.arange(bands) + shift).clamp(0, bands - 1)
        return power.gather(2, index.expand_as(power))

    def _equaliser(self, power: Tensor, generator: torch.Generator, alike: Tensor) -> Tensor:
        """Equaliser of a few cosines over frequency, and now and then a low-pass."""
        batch, _, bands = power.shape
        waves = torch.arange(1, 5)[None, :, None]
        place = torch.linspace(0, torch.pi, bands)[None, None]
        phase = torch.rand(batch, 4, 1, generator=generator) * 2 * torch.pi
        depth = torch.randn(batch, 4, 1, generator=generator) * self.equalise_depth / 10
        curve = (depth * torch.cos(waves * place + phase)).sum(1, keepdim=True)
        curve = curve * self._chosen(self.equalise, batch, generator)
        cutoff = torch.randint(bands // 2, bands, (batch, 1, 1), generator=generator)
        cut = (torch.arange(bands)[None, None] > cutoff) & self._chosen(self.lowpass, batch, generator)
        return 10 ** _paired(curve - 5.0 * cut, alike)

    def _noisy(self, power: Tensor, generator: torch.Generator) -> Tensor:
        """Add stationary noise of random tilt, which hides quiet tails and a codec's traces before onsets."""
        batch, _, bands = power.shape
        level = _uniform(self.noise_level, batch, generator) / 10
        tilt = torch.randn(batch, 1, 1, generator=generator) * torch.linspace(-1, 1, bands)
        grain = torch.rand(power.shape, generator=generator).clamp(min=1e-3).log().neg()
        noise = 10 ** (level + tilt) * _mean(power) * grain
        return power + noise * self._chosen(self.noise, batch, generator)

    @staticmethod
    def _chosen(probability: float, batch: int, generator: torch.Generator) -> Tensor:
        return torch.rand(batch, 1, 1, generator=generator) < probability


def _paired(drawn: Tensor, alike: Tensor) -> Tensor:
    """Draws in which the second crops of ``alike`` pairs get the values of the first ones."""
    pairs = len(alike)
    seconds = torch.where(alike, drawn[:pairs], drawn[pairs : 2 * pairs])
    return torch.cat([drawn[:pairs], seconds, drawn[2 * pairs :]])


def _uniform(bounds: tuple[float, float], batch: int, generator: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def _mean(power: Tensor) -> Tensor:
    return power.mean(dim=(1, 2), keepdim=True)
