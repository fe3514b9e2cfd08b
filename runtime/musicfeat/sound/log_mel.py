"""The numpy reference of the log-mel spectrogram.

The torch module and the exported graph are tested against this file alone. It favours clarity over speed:
models carry their own, faster spectrogram.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

SILENCE_POWER = 1e-12
"""Summed mel power (about -120 dB full scale) below which a frame counts as silence."""


@dataclass(frozen=True)
class LogMelSpec:
    """Parameters that define a log-mel spectrogram.

    A clip of ``n`` samples has ``n // step`` frames, each the mean power of ``pool`` DFT frames. DFT frame ``t`` is
    centred on the middle of the samples ``t * hop`` to ``(t + 1) * hop - 1``; samples outside the clip are zeros. With
    an odd hop and an even n_fft the middle is a sample, so that the spectrogram of a clip played backwards is the
    clip's spectrogram flipped, exactly.
    """

    sample_rate: int = 22050
    n_fft: int = 1050
    hop: int = 525
    n_mels: int = 64
    fmin: float = 30.0
    fmax: float = 7200.0
    floor: float = 1e-6
    """Constant added to the power after division by the clip's mean power, before the logarithm."""
    pool: int = 1
    """Number of DFT frames whose power is averaged into one (Welch, 1967)."""

    def __post_init__(self) -> None:
        if self.hop <= 0 or self.n_fft % self.hop:
            raise InputError(f"hop {self.hop} must divide n_fft {self.n_fft}")
        if self.pool < 1:
            raise InputError(f"pool must be at least 1 DFT frame, got {self.pool}")
        if not 0 <= self.fmin < self.fmax <= self.sample_rate / 2:
            raise InputError(f"need 0 <= fmin < fmax <= {self.sample_rate / 2}, got {self.fmin}, {self.fmax}")

    @property
    def step(self) -> int:
        """Samples from one frame to the next."""
        return self.hop * self.pool

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before the first and after the last sample."""
        before = (self.n_fft - self.hop + 1) // 2
        return before, self.n_fft - self.hop - before

    @property
    def last_bin(self) -> int:
        """The highest DFT bin with a weight in any mel band."""
        return int(np.ceil(self.fmax * self.n_fft / self.sample_rate))


def hann(n_fft: int) -> npt.NDArray[np.float64]:
    """Periodic Hann window, [n_fft], scaled so that a full-scale sine has power 1/4 in its bin."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return window / window.sum()


def mel_edges(spec: LogMelSpec) -> npt.NDArray[np.float64]:
    """[n_mels + 2] frequencies in Hz where bands begin, peak and end; band m has entries m to m + 2."""
    return np.asarray(_mel_to_hz(np.linspace(_hz_to_mel(spec.fmin), _hz_to_mel(spec.fmax), spec.n_mels + 2)))


def mel_matrix(spec: LogMelSpec) -> npt.NDArray[np.float64]:
    """Triangular filters of peak 1 on Slaney's mel scale, [n_fft // 2 + 1, n_mels]."""
    edges = mel_edges(spec)
    bins = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    rise = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall))


def mel_power(waveform: npt.ArrayLike, spec: LogMelSpec) -> npt.NDArray[np.float64]:
    """Mel power of a clip, before any normalisation.

    Args:
        waveform: [..., samples], any level.

    Returns:
        [..., samples // step, n_mels], each value at least 0.
    """
    clip = np.asarray(waveform, dtype=np.float64)
    clip = clip[..., : clip.shape[-1] // spec.step * spec.step]
    padding = [(0, 0)] * (clip.ndim - 1) + [spec.padding]
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(clip, padding), spec.n_fft, axis=-1)
    spectrum = np.fft.rfft(frames[..., :: spec.hop, :] * hann(spec.n_fft))
    power = np.abs(spectrum) ** 2 @ mel_matrix(spec)
    return power.reshape(*power.shape[:-2], -1, spec.pool, spec.n_mels).mean(axis=-2)


def log_mel(waveform: npt.ArrayLike, spec: LogMelSpec | None = None) -> npt.NDArray[np.float64]:
    """Log-mel spectrogram relative to the clip's mean power; the same at any gain.

    A value is ln(P / <P> + floor) - ln(floor), between 0 and about 20, where P is the mel power and <P> its mean
    over the bands of all frames that are not silent. Silent frames are 0.

    Args:
        waveform: [..., samples], mono, any level.

    Returns:
        [..., samples // step, n_mels].
    """
    spec = spec or LogMelSpec()
    power = mel_power(waveform, spec)
    sounds = power.sum(-1, keepdims=True) > SILENCE_POWER
    mean = _masked_mean(power, sounds)
    return np.where(sounds, np.log(power / mean + spec.floor) - np.log(spec.floor), 0.0)


def _masked_mean(power: npt.NDArray[np.float64], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    total = np.sum(power * mask, axis=(-2, -1), keepdims=True)
    count = np.sum(mask, axis=(-2, -1), keepdims=True) * power.shape[-1]
    return np.maximum(total / np.maximum(count, 1), SILENCE_POWER)


def _hz_to_mel(hz: Any) -> Any:
    """Slaney's scale (Auditory Toolbox, 1998): linear to 1 kHz, then 27 mels to every factor 6.4."""
    return np.where(hz < 1000.0, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1.0) / 1000) / np.log(6.4))


def _mel_to_hz(mel: Any) -> Any:
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * 6.4 ** ((mel - 15) / 27))
