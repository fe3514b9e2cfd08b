"""Spectra of a sound as if it were played faster or slower, so that a copy at another speed lies beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.sound.log_mel import hann, mel_edges
from musicfeat.versions.detail import BLOCK, FLOOR, SPEC, Detail, Floats, detail

LOUD = 1e-3
"""Share of the loudest frame's power above which a band is loud."""


@dataclass(frozen=True)
class Way:
    """A way to go through the first sound: how fast, and in which direction."""

    speed: float = 1.0
    """Seconds of the first sound in a second of the second; above 1 if the second plays faster."""
    backwards: bool = False


@dataclass(frozen=True, eq=False)
class Warped(Detail):
    """The detail of a sound at some speed, and the spectrum that it was made from."""

    level: npt.NDArray[np.float16]
    """[T, bands] log power, floored 50 dB below the loudest frame."""
    loud: npt.NDArray[np.bool_]
    """[T] True for each frame that no coder makes silent."""


def warped(wave: Floats, speed: float = 1.0) -> Warped:
    """The detail of a waveform at ``SPEC.sample_rate``, played faster by ``speed``; frame t is at t * FRAME there."""
    power = power_at(wave, speed)
    found = detail(power)
    power /= max(float(power.mean(axis=1).max(initial=0.0)), 1e-20)
    level = np.log(power + np.float32(FLOOR)).astype(np.float16)
    return Warped(found.values, found.heard, level, power.max(axis=1, initial=0.0) > LOUD)


def power_at(wave: Floats, speed: float = 1.0) -> Floats:
    """Mel power [T, bands] of a waveform played faster by ``speed``, pitch and time alike."""
    frames = int(len(wave) / speed) // SPEC.step
    middles = np.round((np.arange(frames) + 0.5) * SPEC.step * speed).astype(np.int64)
    padded = np.pad(wave, (SPEC.n_fft // 2, SPEC.n_fft))
    views = np.lib.stride_tricks.sliding_window_view(padded, SPEC.n_fft)
    window, bands = hann(SPEC.n_fft).astype(np.float32), _bands(speed)
    parts = [
        np.square(np.abs(np.fft.rfft(views[middles[first : first + BLOCK]] * window))) @ bands
        for first in range(0, frames, BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, SPEC.n_mels), np.float32)


def _bands(speed: float) -> Floats:
    """[bins, bands] triangular filters, each moved to where its frequencies lie before the sound is sped up."""
    edges = mel_edges(SPEC) / speed
    bins = np.arange(SPEC.n_fft // 2 + 1) * SPEC.sample_rate / SPEC.n_fft
    rise = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


def speed_grid(most: float, step: float) -> npt.NDArray[np.float64]:
    """Speeds from 1 / (1 + most) to 1 + most in equal ratios of about ``step``."""
    count = int(np.ceil(np.log1p(most) / step))
    return np.exp(np.linspace(-np.log1p(most), np.log1p(most), 2 * count + 1))
