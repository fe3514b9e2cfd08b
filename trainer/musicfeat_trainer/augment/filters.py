"""High-pass or low-pass filtering of raw samples."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import Range, uniform
from musicfeat_trainer.augment.fourier import fast_length

ZEROS = 8
"""Number of zeros of the sinc within the window, on either side of its centre."""


class HighLowPass(Augmentation):
    """A low-pass at 2200 to 4000 Hz or a high-pass at 200 to 1200 Hz. CLMR: probability 0.8.

    Spijkervet and Burgoyne (arXiv 2103.09410); both are equally likely. As in the authors' code, which uses the library
    julius, the filter is a sinc under a Hann window, long for low cutoffs, -6 dB at the cutoff; a high-pass is the clip
    minus its low-pass. Ends repeat the outermost sample. Convolution is by FFT.
    """

    name: Literal["high_low_pass"] = "high_low_pass"
    probability: float = Field(0.8, ge=0, le=1)
    sample_rate: int = Field(22050, gt=0)
    low_pass: Range = (2200.0, 4000.0)
    """Cutoff in Hz, drawn uniformly."""
    high_pass: Range = (200.0, 1200.0)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        low, high = (uniform(bounds, len(clips), generator) for bounds in (self.low_pass, self.high_pass))
        is_high = torch.rand(len(clips), generator=generator) < 0.5
        kernels = low_pass_kernels(torch.where(is_high, high, low) / self.sample_rate)
        filtered = convolved(clips, kernels.to(clips))
        return torch.where(is_high.to(clips.device)[:, None], clips - filtered, filtered)


def low_pass_kernels(cutoffs: Tensor) -> Tensor:
    """Windowed sincs [n, 2 * half + 1] for cutoffs [n] in cycles a sample; ``half`` fits the lowest, sums are 1."""
    halves = (ZEROS / cutoffs / 2).floor()[:, None]
    time = torch.arange(-int(halves.max()), int(halves.max()) + 1)
    window = (0.5 + 0.5 * torch.cos(torch.pi * time / halves)) * (time.abs() <= halves)
    kernels = torch.sinc(2 * cutoffs[:, None] * time) * window
    return kernels / kernels.sum(dim=1, keepdim=True)


def convolved(clips: Tensor, kernels: Tensor) -> Tensor:
    """Clips [n, samples] filtered by kernels [n, 2 * half + 1], each by its own; no delay, the ends repeat."""
    samples, half = clips.shape[1], kernels.shape[1] // 2
    padded = torch.nn.functional.pad(clips, (half, half), mode="replicate")
    length = fast_length(padded.shape[1])
    spectrum = torch.fft.rfft(padded, length) * torch.fft.rfft(kernels, length)
    return torch.fft.irfft(spectrum, length)[:, 2 * half : 2 * half + samples]
