"""Changes of raw samples: other pitch at the same speed, and other speed at the same pitch."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import Range, uniform
from musicfeat_trainer.augment.phase_vocoder import HOP, WINDOW, advanced, analysed, frames_for, synthesised

OVERSAMPLING = 2
"""Factor of the sampling rate at which cubic interpolation is accurate enough."""


class PitchShift(Augmentation):
    """Pitch higher or lower by up to 7 semitones. CLMR and Siamusic: probability 0.6.

    CLMR (Spijkervet and Burgoyne, arXiv 2103.09410) by its authors' code: uniform over +-700 cents. Siamusic (Kim, Hong
    and Lee, 2022) leaves the range open; its public code has +-4 semitones, as has the recipe. The clip is stretched by
    a phase vocoder and read faster or slower; CLMR's authors use sox's ``pitch``, which overlaps and adds segments of
    the waveform.
    """

    name: Literal["pitch_shift"] = "pitch_shift"
    probability: float = Field(0.6, ge=0, le=1)
    semitones: Range = (-7.0, 7.0)
    """Semitones of the shift, drawn uniformly."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        ratios = 2 ** (uniform(self.semitones, len(clips), generator) / 12)
        samples = math.ceil(clips.shape[1] * float(ratios.max())) + HOP
        spectra = advanced(analysed(clips), 1 / ratios, frames_for(samples))
        spectra = spectra * _heard(ratios)[:, :, None].to(clips.device)
        return read(synthesised(spectra, samples, OVERSAMPLING), OVERSAMPLING * ratios, clips.shape[1])


class TimeStretch(Augmentation):
    """Speed higher or lower at the same pitch. Siamusic: probability 0.6.

    Kim, Hong and Lee (2022) leave the range open; their public code has 0.6 to 1.5, as has the recipe. A clip
    keeps its length: longer sound is cut off at the end, shorter sound ends in silence.
    """

    name: Literal["time_stretch"] = "time_stretch"
    probability: float = Field(0.6, ge=0, le=1)
    rate: Range = (0.8, 1.25)
    """Factor of the speed, its logarithm drawn uniformly."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        low, high = self.rate
        rates = uniform((math.log(low), math.log(high)), len(clips), generator).exp()
        samples = clips.shape[1]
        return synthesised(advanced(analysed(clips), rates, frames_for(samples)), samples)


def _heard(ratios: Tensor) -> Tensor:
    """Mask of the bins that stay below the Nyquist frequency when read faster by ``ratios``, [n, bins]."""
    return torch.arange(WINDOW // 2 + 1) * ratios[:, None] < WINDOW // 2


def read(sound: Tensor, steps: Tensor, samples: int) -> Tensor:
    """Every ``steps``-th sample of sound, [n, long] -> [n, samples], interpolated by Catmull and Rom's cubic (1974)."""
    place = torch.arange(samples, device=sound.device, dtype=torch.float64) * steps.to(sound.device)[:, None]
    index, t = place.long(), place.frac().float()
    padded = torch.nn.functional.pad(sound, (1, 2))
    a, b, c, d = (padded.gather(1, (index + i).clamp(max=padded.shape[1] - 1)) for i in range(4))
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
