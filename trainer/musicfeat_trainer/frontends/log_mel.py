"""Log-mel spectrogram of a waveform, its DFT factorised into two small matrix products.

It needs only products, sums and reshapes: it trains on any device and exports without an FFT operator,
so every engine that multiplies matrices can run it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.log_mel import SILENCE_POWER, LogMelSpec, hann, mel_matrix

Array = npt.NDArray[np.float64]

GROUPS = 3
"""Number of groups of bins: more groups save few products and add passes over memory."""


class LogMel(nn.Module):
    """Torch twin of ``musicfeat.log_mel``, in two steps that training can use separately.

    The DFT of N = R * C points (Cooley and Tukey, 1965) indexes samples as n = C n1 + n2 and bins
    as k = k1 + R k2. Stage one multiplies the windowed frames, seen as an R x (C frames) matrix, by the
    real DFT matrix of R points from the left; a real frame needs k1 = 0 .. R // 2 only. Stage two is
    one product per k1, its matrix holding the twiddle factors and the DFT of C points together. Time is
    the last axis throughout, so that both products are large and nothing between them is transposed.
    Bins above ``fmax`` are never computed. Low bands read low bins only: bins come in ``GROUPS`` of neighbouring k2,
    each with a product for its own bands.
    """

    window: Tensor
    stage_one: Tensor
    stage_two: Tensor

    def __init__(self, spec: LogMelSpec | None = None, rows: int | None = None, mel: Array | None = None) -> None:
        super().__init__()
        self.spec = spec or LogMelSpec()
        self.rows = rows or fast_factor(self.spec.n_fft)
        if self.spec.n_fft % self.rows:
            raise InputError(f"rows {self.rows} must divide n_fft {self.spec.n_fft}")
        self.columns = self.spec.n_fft // self.rows
        self.groups = bin_groups(self.spec, self.rows, mel_matrix(self.spec) if mel is None else mel)
        self._constant("window", hann(self.spec.n_fft)[:, None])
        self._constant("stage_one", real_dft(self.rows))
        stages = [twiddled_dft(self.rows, self.columns, group.kept) for group in self.groups]
        self._constant("stage_two", np.concatenate(stages, axis=1))
        for i, group in enumerate(self.groups):
            self._constant(f"mel{i}", group.mel)

    def _constant(self, name: str, value: Array) -> None:
        self.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=torch.float32), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Log-mel, [batch, samples] -> [batch, samples // step, n_mels]; see ``musicfeat.log_mel.log_mel``."""
        return self.normalise(self.power(waveform))

    def log_mel(self, spectrum: list[Tensor]) -> Tensor:
        """Log-mel from ``spectrum`` of this frontend, or of one for which ``shares_spectrum`` is true."""
        return self.normalise(self.mel_power(spectrum))

    def frames(self, waveform: Tensor) -> Tensor:
        """Frames as columns, [batch, samples] -> [batch, n_fft, frames], cut without any gather.

        Blocks of ``hop`` samples are columns; a frame is a block and the next ones, which are the same columns shifted.
        """
        hop, count = self.spec.hop, waveform.shape[1] // self.spec.step * self.spec.pool
        padded = nn.functional.pad(waveform[:, : count * hop], self.spec.padding)
        blocks = padded.reshape(waveform.shape[0], -1, hop).transpose(1, 2)
        return torch.cat([blocks[..., i : i + count] for i in range(self.spec.n_fft // hop)], dim=1)

    def power(self, waveform: Tensor) -> Tensor:
        """Mel power, [batch, samples] -> [batch, samples // step, n_mels]."""
        return self.mel_power(self.spectrum(waveform))

    def spectrum(self, waveform: Tensor) -> list[Tensor]:
        """Power of the bins of each group, [batch, samples] -> [batch, bins, frames]; ``mel_power`` alone pools it."""
        frames = self.frames(waveform) * self.window
        batch, _, count = frames.shape
        half = self.stage_two.shape[0]
        inner = self.stage_one @ frames.reshape(batch, self.rows, self.columns * count)
        parts = self.stage_two @ inner.reshape(batch, half, 2 * self.columns, count)
        squares = (parts * parts).split([len(group.kept) for group in self.groups for _ in range(2)], dim=2)
        pairs = zip(squares[::2], squares[1::2], strict=True)
        return [(real + imaginary).reshape(batch, -1, count) for real, imaginary in pairs]

    def mel_power(self, spectrum: list[Tensor]) -> Tensor:
        """Mel power from the power of the bins, [batch, samples // step, n_mels]."""
        parts = []
        for i, (group, bins) in enumerate(zip(self.groups, spectrum, strict=True)):
            margin = (0, 0, group.bands.start, self.spec.n_mels - group.bands.stop)
            parts.append(nn.functional.pad(getattr(self, f"mel{i}") @ bins, margin))
        power = sum(parts[1:], start=parts[0]).transpose(1, 2)
        if self.spec.pool == 1:
            return power
        return power.reshape(power.shape[0], -1, self.spec.pool, self.spec.n_mels).mean(dim=2)

    def shares_spectrum(self, other: LogMel) -> bool:
        """True if another frontend has the same ``spectrum`` and thus differs only in its bands."""
        return self.rows == other.rows and self.spec == replace(
            other.spec, n_mels=self.spec.n_mels, fmin=self.spec.fmin, floor=self.spec.floor, pool=self.spec.pool
        )

    def normalise(self, power: Tensor) -> Tensor:
        """Log-mel from mel power, relative to the mean of the frames that sound; silence is 0."""
        sounds = sounding(power)
        count = sounds.sum(dim=(1, 2), keepdim=True) * power.shape[2]
        mean = (power * sounds).sum(dim=(1, 2), keepdim=True) / count.clamp(min=1.0)
        mean = mean.clamp(min=SILENCE_POWER)
        return ((power / mean + self.spec.floor).log() - float(np.log(self.spec.floor))) * sounds


def sounding(power: Tensor) -> Tensor:
    """Mask of frames, 1 where there is no digital silence, else 0: [..., T, bands] -> [..., T, 1]."""
    return (power.sum(dim=-1, keepdim=True) > SILENCE_POWER).to(power.dtype)


def fast_factor(n: int) -> int:
    """Smallest divisor of ``n`` that is at least 1.2 times its square root.

    Measurement decided (benchmarks/frontend.py): it is the fastest of all divisors, or within 3 per cent of that, at
    seven sizes from 400 to 4096 points.
    """
    return min(d for d in range(1, n + 1) if n % d == 0 and (d * d >= 1.44 * n or d == n))


class BinGroup(NamedTuple):
    """Bins that are multiplied by one mel matrix."""

    kept: list[int]
    """Numbers k2 of the bins."""
    bands: slice
    """Mel bands that read them."""
    mel: Array
    """Mel matrix, [bands, bins]."""


def bin_groups(spec: LogMelSpec, rows: int, bands_of: Array) -> list[BinGroup]:
    """Groups of all needed k2, thirds from low to high bins; ``bands_of`` is [n_fft // 2 + 1, n_mels]."""
    last = spec.n_fft // rows - 1
    kept = sorted(kept_columns(spec, rows), key=lambda k2: min(k2, last - k2))  # a mirror image holds neighbours
    mel = permuted_mel(spec, rows, kept, bands_of).reshape(-1, len(kept), spec.n_mels)
    groups = []
    for places in np.array_split(np.arange(len(kept)), min(GROUPS, len(kept))):
        weights = mel[:, places].reshape(-1, spec.n_mels)
        read = np.flatnonzero(weights.any(axis=0))
        low = int(read.min(initial=spec.n_mels - 1))
        bands = slice(low, int(read.max(initial=low)) + 1)
        groups.append(BinGroup([kept[i] for i in places], bands, weights[:, bands].T))
    return groups


def kept_columns(spec: LogMelSpec, rows: int) -> list[int]:
    """Numbers k2 for which some bin k1 + rows * k2, or its mirror image, is not above ``fmax``."""
    bins = np.arange(rows // 2 + 1)[:, None] + rows * np.arange(spec.n_fft // rows)
    needed = np.minimum(bins, spec.n_fft - bins) <= spec.last_bin
    return [int(k2) for k2 in np.flatnonzero(needed.any(axis=0))]


def real_dft(rows: int) -> Array:
    """Real DFT matrix, [2 * (rows // 2 + 1), rows]: the real part of each output k1, then its imaginary part."""
    angle = -2 * np.pi * np.outer(np.arange(rows // 2 + 1), np.arange(rows)) / rows
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, rows)


def twiddled_dft(rows: int, columns: int, kept: list[int]) -> Array:
    """DFT matrices with twiddle factors, [rows // 2 + 1, 2 * len(kept), 2 * columns], complex products as real ones."""
    k1 = np.arange(rows // 2 + 1)[:, None, None]
    k2 = np.array(kept)[None, :, None]
    n2 = np.arange(columns)[None, None, :]
    angle = -2 * np.pi * n2 * (k1 + rows * k2) / (rows * columns)
    real, imaginary = np.cos(angle), np.sin(angle)
    return np.block([[real, -imaginary], [imaginary, real]])


def permuted_mel(spec: LogMelSpec, rows: int, kept: list[int], mel: Array) -> Array:
    """Mel matrix in the order of the computed bins; a bin computed twice counts half."""
    bins = (np.arange(rows // 2 + 1)[:, None] + rows * np.array(kept)).reshape(-1)
    folded = np.minimum(bins, spec.n_fft - bins)
    times = np.bincount(folded, minlength=spec.n_fft // 2 + 1)
    return mel[folded] / times[folded, None]
