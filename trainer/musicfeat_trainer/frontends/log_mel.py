"""Log-mel spectrogram of a waveform, its DFT factorised into a grouped convolution and a matrix product.

It needs only products, sums and reshapes: it trains on any device and exports without an FFT operator,
so every engine that multiplies matrices can run it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import SILENCE_POWER, LogMelSpec, hann, mel_matrix

Array = npt.NDArray[np.float64]


class LogMel(nn.Module):
    """Torch twin of ``musicfeat.sound.log_mel``, in two steps that training can use separately.

    The DFT of N = R * C points (Cooley and Tukey, 1965) indexes samples as n = C n1 + n2 and bins
    as k = k1 + R k2. Stage one is a convolution over the samples of each n2, every C-th of the waveform: its kernels
    are real DFTs of R points, with window and twiddle factors folded in, and its stride and padding cut the frames.
    A real frame needs k1 = 0 .. R // 2 only. Stage two, a DFT of C points, is one matrix product for all k1. Time is
    the last axis throughout, so that the products are large and nothing between them is transposed.
    Bins above ``fmax`` are never computed. Low bands read low bins only: bands come in three groups of neighbours,
    each with a product over its own bins.
    """

    stage_one: Tensor
    stage_two: Tensor

    def __init__(
        self,
        spec: LogMelSpec | None = None,
        rows: int | None = None,
        mel: Array | None = None,
        padding: int | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec = spec or LogMelSpec()
        self.rows = rows or fast_factor(spec.n_fft, spec.hop)
        self.columns = spec.n_fft // self.rows
        if self.rows * self.columns != spec.n_fft or spec.hop % self.columns:
            raise InputError(
                f"rows {self.rows} must divide n_fft {spec.n_fft}, and the quotient must divide the hop {spec.hop}"
            )
        before = spec.padding[0] if padding is None else padding
        self.lead = -(-before // self.columns)
        self.kept = kept_columns(spec, self.rows)
        self.groups = band_groups(permuted_mel(spec, self.rows, self.kept, mel_matrix(spec) if mel is None else mel))
        self._constant("stage_one", windowed_dft(spec.n_fft, self.rows, before)[:, None])
        self._constant("stage_two", small_dft(self.columns, self.kept, before))
        for i, group in enumerate(self.groups):
            self._constant(f"mel{i}", group.mel)

    def _constant(self, name: str, value: Array) -> None:
        self.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=torch.float32), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Log-mel, [batch, samples] -> [batch, samples // step, n_mels]; see ``musicfeat.sound.log_mel.log_mel``."""
        return self.log_mel(self.spectrum(waveform)).transpose(1, 2)

    def log_mel(self, spectrum: Tensor) -> Tensor:
        """Log-mel [batch, n_mels, frames // pool] from ``spectrum``, of this frontend or of one that shares it."""
        return self.relative(self.bands(spectrum))

    def whole(self, waveform: Tensor) -> Tensor:
        """Samples that whole frames cover, [batch, samples] -> [batch, frames * hop]; zeros are added around them."""
        return waveform[:, : waveform.shape[1] // self.spec.step * self.spec.step]

    def power(self, waveform: Tensor) -> Tensor:
        """Mel power, [batch, samples] -> [batch, samples // step, n_mels]."""
        return self.bands(self.spectrum(waveform)).transpose(1, 2)

    def spectrum(self, waveform: Tensor) -> Tensor:
        """Power of the bins in the order of ``kept``, [batch, samples] -> [batch, bins, frames]; not pooled yet."""
        whole, stride = self.whole(waveform), self.spec.hop // self.columns
        samples = whole.reshape(whole.shape[0], -1, self.columns).transpose(1, 2)
        inner = nn.functional.conv1d(samples, self.stage_one, None, stride, self.lead, groups=self.columns)
        half, count = self.rows // 2 + 1, inner.shape[2]
        parts = self.stage_two @ inner.reshape(-1, 2 * self.columns, half * count)
        parts = parts.reshape(-1, len(self.kept), 2, half * count)
        return (parts * parts).sum(dim=2).reshape(-1, len(self.kept) * half, count)

    def bands(self, spectrum: Tensor) -> Tensor:
        """Mel power from the power of the bins, [batch, n_mels, frames // pool]."""
        parts = [getattr(self, f"mel{i}") @ spectrum[:, group.bins] for i, group in enumerate(self.groups)]
        power = torch.cat(parts, dim=1)
        if self.spec.pool == 1:
            return power
        # with two spatial axes, ONNX Runtime pools many channels at once
        return nn.functional.avg_pool2d(power[:, :, None], (1, self.spec.pool)).squeeze(2)

    def shares_spectrum(self, other: LogMel) -> bool:
        """True if another frontend has the same ``spectrum`` and thus differs only in its bands."""
        return self.rows == other.rows and self.spec == replace(
            other.spec, n_mels=self.spec.n_mels, fmin=self.spec.fmin, floor=self.spec.floor, pool=self.spec.pool
        )

    def normalise(self, power: Tensor) -> Tensor:
        """Log-mel from mel power, both [batch, frames, n_mels]; see ``relative``."""
        return self.relative(power.transpose(1, 2)).transpose(1, 2)

    def relative(self, power: Tensor) -> Tensor:
        """Log-mel from mel power, both [batch, n_mels, frames], relative to the frames that sound; silence is 0."""
        total = band_sum(power)
        sounds = (total > SILENCE_POWER).to(power.dtype)
        count = sounds.sum(dim=2, keepdim=True) * power.shape[1]
        mean = (total * sounds).sum(dim=2, keepdim=True) / count.clamp(min=1.0)
        scale = sounds / (mean.clamp(min=SILENCE_POWER) * self.spec.floor)
        return (power * scale + 1.0).log()


def band_sum(bands: Tensor) -> Tensor:
    """Sum over the bands, [batch, bands, T] -> [batch, 1, T]; as a product, which ONNX Runtime does faster."""
    return bands.new_ones(1, bands.shape[1]) @ bands


def fast_factor(n: int, hop: int) -> int:
    """Smallest divisor of ``n`` that is at least 1.2 times its square root, and whose quotient divides ``hop``.

    Measurement decided (benchmarks/frontend.py): it is the fastest of all divisors, or within 3 per cent of that, at
    seven sizes from 400 to 4096 points.
    """
    return min(d for d in range(1, n + 1) if n % d == 0 and hop % (n // d) == 0 and (d * d >= 1.44 * n or d == n))


class BandGroup(NamedTuple):
    """Neighbouring bands that one product computes from a range of bins."""

    bins: slice
    mel: Array
    """Mel matrix, [bands, bins]."""


def band_groups(mel: Array) -> list[BandGroup]:
    """Those at most three groups of bands that need the fewest products; ``mel`` is [columns, bins of a column, bands].

    More groups would save few products and add passes over memory.
    """
    columns, half, bands = mel.shape
    read: npt.NDArray[np.bool_] = np.asarray(mel.any(axis=1))
    first = np.where(read.any(axis=0), read.argmax(axis=0), columns - 1)
    last = np.where(read.any(axis=0), columns - 1 - read[::-1].argmax(axis=0), 0)
    first, last = np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last)
    low, high = np.arange(bands + 1)[:, None], np.arange(bands + 1)
    width = np.r_[0, last + 1] - np.r_[first, columns][:, None]
    cost = np.where(high > low, np.maximum(width, 1) * (high - low), np.where(high == low, 0, columns * bands + 1))
    total = cost[0, :, None] + cost + cost[None, :, bands]
    cuts = (0, *(int(cut) for cut in np.unravel_index(total.argmin(), total.shape)), bands)
    groups = []
    for begin, end in pairwise(cuts):
        if end > begin:
            bins = slice(int(first[begin]) * half, (max(int(last[end - 1]), int(first[begin])) + 1) * half)
            groups.append(BandGroup(bins, mel.reshape(-1, bands)[bins, begin:end].T))
    return groups


def kept_columns(spec: LogMelSpec, rows: int) -> list[int]:
    """Numbers k2 for which some bin k1 + rows * k2, or its mirror image, is not above ``fmax``; low bins first."""
    bins = np.arange(rows // 2 + 1)[:, None] + rows * np.arange(spec.n_fft // rows)
    lowest = np.minimum(bins, spec.n_fft - bins).min(axis=0)
    return [int(k2) for k2 in np.argsort(lowest, kind="stable") if lowest[k2] <= spec.last_bin]


def windowed_dft(n_fft: int, rows: int, before: int) -> Array:
    """Kernels of stage one, [columns * 2 * (rows // 2 + 1), taps]: the first bins of a windowed DFT, a column each.

    Those of one column of samples are neighbours, real parts first. A frame begins ``before`` samples before its hop.
    """
    columns, half = n_fft // rows, rows // 2 + 1
    angle = -2 * np.pi * np.outer(np.arange(half), np.arange(n_fft)) / n_fft
    row, column = np.divmod(np.arange(n_fft) - before, columns)
    kernels = np.zeros((columns, rows + int(before % columns > 0), 2, half))
    kernels[column, row - row.min()] = (np.stack([np.cos(angle), np.sin(angle)]) * hann(n_fft)).transpose(2, 0, 1)
    return kernels.transpose(0, 2, 3, 1).reshape(-1, kernels.shape[1])


def small_dft(columns: int, kept: list[int], before: int) -> Array:
    """DFT matrix of stage two, [len(kept) * 2, columns * 2], complex products as real ones."""
    n2 = (np.arange(columns) + before) % columns
    angle = -2 * np.pi * np.outer(kept, n2) / columns
    real, imaginary = np.cos(angle), np.sin(angle)
    parts = np.stack([np.stack([real, -imaginary], axis=2), np.stack([imaginary, real], axis=2)], axis=1)
    return parts.reshape(2 * len(kept), 2 * columns)


def permuted_mel(spec: LogMelSpec, rows: int, kept: list[int], mel: Array) -> Array:
    """Mel matrix in the order of the computed bins, [kept, rows // 2 + 1, bands]; a bin computed twice counts half."""
    bins = np.arange(rows // 2 + 1) + rows * np.array(kept)[:, None]
    folded = np.minimum(bins, spec.n_fft - bins)
    times = np.bincount(folded.reshape(-1), minlength=spec.n_fft // 2 + 1)
    return mel[folded] / times[folded, None]
