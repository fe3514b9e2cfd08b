"""Mel spectrogram in decibels, to torchaudio's values but from matrix products alone, so that it exports.

Siamusic's public code (Kim, Hong and Lee, 2022) uses torchaudio's ``MelSpectrogram`` and ``AmplitudeToDB``. Their
transform is an operator that exported graphs may not have; ``torchaudio_mel`` trains with it and exports this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.frontends.log_mel import LogMel

Array = npt.NDArray[np.float64]

LEAST_POWER = 1e-10
"""Least power, -100 dB; lower values are raised to it."""


@dataclass(frozen=True)
class MelDecibelsSpec:
    """Settings of the spectrogram, by default Siamusic's: 80 bands up to 8 kHz, frames of 512 points.

    A clip of ``n`` samples has ``n // hop + 1`` frames, frame ``t`` centred on the sample ``t * hop``; clips are
    mirrored at their ends. Power 2, Hann window, bands of the HTK scale with peak 1, decibels to a power of 1.
    """

    sample_rate: int = 16000
    n_fft: int = 512
    hop: int = 256
    n_mels: int = 80
    fmin: float = 0.0
    fmax: float = 8000.0
    top_db: float | None = None
    """Greatest distance below the clip's maximum, to which lower values are raised; None: no such floor."""

    def __post_init__(self) -> None:
        if self.n_fft % 2:
            raise InputError(f"n_fft must be even, so that frames have a middle, got {self.n_fft}")
        if self.top_db is not None and self.top_db <= 0:
            raise InputError(f"top_db must be above 0, got {self.top_db}")
        LogMelSpec(self.sample_rate, self.n_fft, self.hop, self.n_mels, self.fmin, self.fmax)


class MelDecibels(LogMel):
    """The factorised DFT of ``LogMel`` over torchaudio's frames, with torchaudio's bands."""

    def __init__(self, decibels: MelDecibelsSpec | None = None) -> None:
        self.decibels = d = decibels or MelDecibelsSpec()
        spec = LogMelSpec(d.sample_rate, d.n_fft, d.hop, d.n_mels, d.fmin, d.fmax)
        scale = (d.n_fft / 2) ** 2  # of ``LogMel``'s window, which sums to 1
        super().__init__(spec, mel=scale * htk_matrix(d), padding=0)

    def forward(self, waveform: Tensor) -> Tensor:
        """Decibels, [batch, samples] -> [batch, samples // hop + 1, n_mels]; they rise with the gain.

        Raises:
            InputError: the waveform is shorter than half a frame and cannot be mirrored.
        """
        if waveform.shape[1] <= self.decibels.n_fft // 2:
            raise InputError(f"clips need more than {self.decibels.n_fft // 2} samples, got {waveform.shape[1]}")
        found = self.power(waveform).clamp(min=LEAST_POWER).log10() * 10
        if self.decibels.top_db is None:
            return found
        return torch.maximum(found, found.amax(dim=(1, 2), keepdim=True) - self.decibels.top_db)

    def whole(self, waveform: Tensor) -> Tensor:
        """Samples that whole frames cover, of waveforms mirrored at their ends."""
        n_fft, hop = self.decibels.n_fft, self.decibels.hop
        count = waveform.shape[1] // hop + n_fft // hop
        return nn.functional.pad(waveform, (n_fft // 2, n_fft // 2), mode="reflect")[:, : count * hop]


def htk_matrix(spec: MelDecibelsSpec) -> Array:
    """Triangular filters of peak 1, 2595 log10(1 + f / 700) apart, [n_fft // 2 + 1, n_mels]."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (spec.fmin, spec.fmax))
    mels = np.linspace(float(low), float(high), spec.n_mels + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.linspace(0, spec.sample_rate // 2, spec.n_fft // 2 + 1)
    rise = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall))
