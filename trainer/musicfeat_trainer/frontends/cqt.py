"""Constant-Q spectrogram of a waveform in decibels, from matrix products alone.

Brown, "Calculation of a constant Q spectral transform" (JASA, 1991), computed by the recursive sub-sampling of
Schörkhuber and Klapuri, "Constant-Q transform toolbox for music processing" (SMC, 2010), to the values of
``librosa.amplitude_to_db(abs(librosa.cqt(y)), ref=max)``: the input of the time-reversal paper (Self-Supervised
Machine Listening, NYU, 2019), which leaves librosa's settings as they are.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import SILENCE_POWER
from musicfeat_trainer.frontends.cqt_kernels import BINS_PER_OCTAVE, STEP, TAPS, CQTSpec, Real, fitted_kernels, low_pass

BLOCK = 64
"""Samples by which a row of a matrix product advances, if a hop is no longer than that."""


LEAST_POWER = 1e-10
"""Least power of librosa's decibels to 1: -100 dB."""


class CQT(nn.Module):
    """Ladder of levels, each at a quarter of the sampling rate above it; the first yields one octave, others two.

    Kernels have the same length in samples at every level, so that all octaves take the same work. Rows of a product
    are overlapping stretches of signal, put together from blocks, so that nothing is gathered; a row holds several
    frames if the hop is short. The low-pass filter before a step works on blocks, too: its outputs are sums of a
    block's contribution and the next one's.
    """

    own: Tensor
    previous: Tensor

    def __init__(self, spec: CQTSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or CQTSpec()
        own, previous = banded(low_pass(self.spec))
        self._constant("own", own)
        self._constant("previous", previous)
        for level, octaves in enumerate(self.spec.levels):
            kernels = np.concatenate([_parts(self.spec, octave, level) for octave in reversed(octaves)], axis=1)
            self._constant(f"kernels{level}", _several_frames(kernels, self.hop(level), self.frames_per_row(level)))

    def _constant(self, name: str, value: Real) -> None:
        self.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=torch.float32), persistent=False)

    def hop(self, level: int) -> int:
        """Hop of a level in its samples."""
        return self.spec.hop // STEP**level

    def frames_per_row(self, level: int) -> int:
        """Number of frames that one row of a level's product yields."""
        return max(1, BLOCK // self.hop(level))

    def forward(self, waveform: Tensor) -> Tensor:
        """Decibels of waveforms, [batch, samples] -> [batch, samples // hop + 1, bins], low bins first.

        Relative to the clip's maximum they lie from -top_db to 0 at any gain, and silence is -top_db throughout.
        Relative to 1 they rise with the gain, reach down to top_db below the clip's maximum, and silence is -100.

        Raises:
            InputError: the waveform is empty.
        """
        return self.decibels(self.power(waveform))

    def power(self, waveform: Tensor) -> Tensor:
        """Squared magnitudes of ``librosa.cqt``, [batch, samples] -> [batch, samples // hop + 1, bins].

        Raises:
            InputError: the waveform is empty.
        """
        if waveform.shape[1] < 1:
            raise InputError("a constant-Q spectrogram needs at least one sample")
        frames = waveform.shape[1] // self.spec.hop + 1
        origins, length = self.layout(frames)
        signal = nn.functional.pad(waveform, (origins[0], length - origins[0] - waveform.shape[1]))
        parts = [self.level_parts(signal, 0, origins[0], frames)]
        for level, origin in enumerate(origins[1:], start=1):
            signal = self.decimated(signal)
            parts.append(self.level_parts(signal, level, origin, frames))
        joined = torch.cat(parts[::-1], dim=2).unflatten(2, (self.spec.octaves, 2, BINS_PER_OCTAVE))
        squares = joined * joined
        return (squares[:, :, :, :1] + squares[:, :, :, 1:]).flatten(2)

    def decibels(self, power: Tensor) -> Tensor:
        """Decibels of power, as from ``librosa.amplitude_to_db`` with ``ref=max`` or ``ref=1.0``."""
        peak = power.amax(dim=(1, 2), keepdim=True)
        floor = 10 ** (-self.spec.top_db / 10)
        if self.spec.reference == "one":
            return torch.maximum(power, peak * floor).clamp(min=LEAST_POWER).log() * (10 / math.log(10))
        return (power / peak.clamp(min=SILENCE_POWER)).clamp(min=floor).log() * (10 / math.log(10))

    def layout(self, frames: int) -> tuple[list[int], int]:
        """Position of time 0 in the signal of each level, and the number of samples that the first one must have."""
        origins: list[int] = []
        lengths = [0]
        for level in reversed(range(len(self.spec.levels))):
            origins.append(STEP * origins[-1] + TAPS // 2 if origins else self.spec.width // 2)
            step = self.hop(level) * self.frames_per_row(level)
            rows = -(-frames // self.frames_per_row(level))
            last = origins[-1] - self.spec.width // 2 + self.get_buffer(f"kernels{level}").shape[0] - 1
            below = (-(-lengths[-1] * STEP // BLOCK) + 1) * BLOCK if len(lengths) > 1 else 0
            lengths.append(max((last // step + rows) * step, below))
        unit = math.lcm(self.spec.hop, BLOCK)
        return origins[::-1], -(-lengths[-1] // unit) * unit

    def level_parts(self, signal: Tensor, level: int, origin: int, frames: int) -> Tensor:
        """Real, then imaginary parts of each octave, [batch, samples] -> [batch, frames, octaves * 2 * 12]."""
        several, kernels = self.frames_per_row(level), self.get_buffer(f"kernels{level}")
        start, rows = origin - self.spec.width // 2, -(-frames // several)
        parts = stretches(signal, start, kernels.shape[0], self.hop(level) * several, rows) @ kernels
        return parts if several == 1 else parts.unflatten(2, (several, -1)).flatten(1, 2)[:, :frames]

    def decimated(self, signal: Tensor) -> Tensor:
        """Signal after the low-pass filter, every fourth sample: [batch, n * 64] -> [batch, (n - 1) * 16]."""
        blocks = in_blocks(signal, BLOCK)
        count = BLOCK // STEP
        return (blocks @ self.own).flatten(1)[:, :-count] + (blocks @ self.previous).flatten(1)[:, count:]


def in_blocks(signal: Tensor, size: int) -> Tensor:
    """Signal in blocks, [batch, samples] -> [batch, samples // size, size]."""
    count = signal.shape[1] // size
    return (signal if count * size == signal.shape[1] else signal[:, : count * size]).unflatten(1, (count, size))


def stretches(signal: Tensor, start: int, width: int, step: int, count: int) -> Tensor:
    """Rows ``signal[start + t * step:][:width]``, [batch, samples] -> [batch, count, width], cut without gather."""
    blocks, pieces, first = in_blocks(signal, step), [], start
    while first < start + width:
        row, column = divmod(first, step)
        size = min(step - column, start + width - first)
        pieces.append(blocks[:, :, column : column + size][:, row : row + count])
        first += size
    return torch.cat(pieces, dim=2)


def banded(taps: Real) -> tuple[Real, Real]:
    """Matrices that filter blocks with a step of four, two of [64, 16]: for outputs that begin in the block,
    and for those that begin in the block before it.
    """
    both = np.zeros((2 * BLOCK, BLOCK // STEP))
    for output in range(BLOCK // STEP):
        both[output * STEP : output * STEP + len(taps), output] = taps
    return both[:BLOCK], both[BLOCK:]


def _parts(spec: CQTSpec, octave: int, level: int) -> Real:
    """Real, then imaginary parts of an octave's kernels, [width, 24]."""
    kernels = fitted_kernels(spec, octave, level)
    return np.concatenate([kernels.real, kernels.imag]).T


def _several_frames(kernels: Real, hop: int, count: int) -> Real:
    """Kernels for rows of several frames, [width, parts] -> [width + (count - 1) * hop, count * parts]."""
    width, parts = kernels.shape
    wide = np.zeros((width + (count - 1) * hop, count, parts))
    for frame in range(count):
        wide[frame * hop : frame * hop + width, frame] = kernels
    return wide.reshape(len(wide), -1)
