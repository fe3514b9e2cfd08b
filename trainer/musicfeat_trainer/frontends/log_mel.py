"""Log-mel spectrogram of a waveform, its DFT factorised into two small matrix products.

Only products, sums and reshapes: it trains on any device, and it exports without an FFT operator,
so every engine that multiplies matrices can run it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.log_mel import SILENCE_POWER, LogMelSpec, hann, mel_matrix

Array = npt.NDArray[np.float64]


class LogMel(nn.Module):
    """The torch twin of ``musicfeat.log_mel``, in two steps that training can take apart.

    The DFT of N = R * C points (Cooley and Tukey, 1965) indexes samples as n = C n1 + n2 and bins
    as k = k1 + R k2. Stage one multiplies the windowed frames, seen as an R x (C frames) matrix, by the
    real DFT matrix of R points from the left; a real frame needs k1 = 0 .. R // 2 only. Stage two is
    one product per k1, its matrix holding the twiddle factors and the DFT of C points together. Time is
    the last axis throughout, so that both products are large and nothing between them is transposed.
    Bins above ``fmax`` are never computed.
    """

    window: Tensor
    stage_one: Tensor
    stage_two: Tensor
    mel: Tensor

    def __init__(self, spec: LogMelSpec | None = None, rows: int | None = None) -> None:
        super().__init__()
        self.spec = spec or LogMelSpec()
        self.rows = rows or fast_factor(self.spec.n_fft)
        if self.spec.n_fft % self.rows:
            raise InputError(f"rows {self.rows} must divide n_fft {self.spec.n_fft}")
        self.columns = self.spec.n_fft // self.rows
        kept = kept_columns(self.spec, self.rows)
        self._constant("window", hann(self.spec.n_fft)[:, None])
        self._constant("stage_one", real_dft(self.rows))
        self._constant("stage_two", twiddled_dft(self.rows, self.columns, kept))
        self._constant("mel", permuted_mel(self.spec, self.rows, kept).T)

    def _constant(self, name: str, value: Array) -> None:
        self.register_buffer(name, torch.tensor(np.ascontiguousarray(value), dtype=torch.float32), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> [batch, samples // hop, n_mels]; see ``musicfeat.log_mel.log_mel``."""
        return self.normalise(self.power(waveform))

    def frames(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> [batch, n_fft, samples // hop], a frame in each column, cut without any gather.

        Blocks of ``hop`` samples stand in columns; a frame is a block and the next ones, the same columns moved on.
        """
        hop, count = self.spec.hop, waveform.shape[1] // self.spec.hop
        padded = nn.functional.pad(waveform[:, : count * hop], self.spec.padding)
        blocks = padded.reshape(waveform.shape[0], -1, hop).transpose(1, 2)
        return torch.cat([blocks[..., i : i + count] for i in range(self.spec.n_fft // hop)], dim=1)

    def power(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> mel power [batch, samples // hop, n_mels]."""
        frames = self.frames(waveform) * self.window
        batch, _, count = frames.shape
        half, kept = self.stage_two.shape[0], self.stage_two.shape[1] // 2
        inner = self.stage_one @ frames.reshape(batch, self.rows, self.columns * count)
        parts = self.stage_two @ inner.reshape(batch, half, 2 * self.columns, count)
        squares = parts * parts
        power = squares[:, :, :kept] + squares[:, :, kept:]
        return (self.mel @ power.reshape(batch, half * kept, count)).transpose(1, 2)

    def normalise(self, power: Tensor) -> Tensor:
        """Mel power to log-mel relative to the mean of the frames that sound; silence is 0."""
        sounds = sounding(power)
        count = sounds.sum(dim=(1, 2), keepdim=True) * power.shape[2]
        mean = (power * sounds).sum(dim=(1, 2), keepdim=True) / count.clamp(min=1.0)
        mean = mean.clamp(min=SILENCE_POWER)
        return ((power / mean + self.spec.floor).log() - float(np.log(self.spec.floor))) * sounds


def sounding(power: Tensor) -> Tensor:
    """1 for every frame that is not digital silence, else 0: [..., T, bands] -> [..., T, 1]."""
    return (power.sum(dim=-1, keepdim=True) > SILENCE_POWER).to(power.dtype)


def fast_factor(n: int) -> int:
    """The smallest divisor of ``n`` from 1.2 times its square root on.

    So chosen by measurement (benchmarks/frontend.py): the fastest of all divisors, or within 3 per cent of it, at
    seven sizes from 400 to 4096 points.
    """
    return min(d for d in range(1, n + 1) if n % d == 0 and (d * d >= 1.44 * n or d == n))


def kept_columns(spec: LogMelSpec, rows: int) -> list[int]:
    """The k2 for which some bin k1 + rows * k2, or its mirror image, is not above ``fmax``."""
    bins = np.arange(rows // 2 + 1)[:, None] + rows * np.arange(spec.n_fft // rows)
    needed = np.minimum(bins, spec.n_fft - bins) <= spec.last_bin
    return [int(k2) for k2 in np.flatnonzero(needed.any(axis=0))]


def real_dft(rows: int) -> Array:
    """[2 * (rows // 2 + 1), rows]: the real part of each output k1, then its imaginary part."""
    angle = -2 * np.pi * np.outer(np.arange(rows // 2 + 1), np.arange(rows)) / rows
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).reshape(-1, rows)


def twiddled_dft(rows: int, columns: int, kept: list[int]) -> Array:
    """[rows // 2 + 1, 2 * len(kept), 2 * columns]: complex products written as real ones."""
    k1 = np.arange(rows // 2 + 1)[:, None, None]
    k2 = np.array(kept)[None, :, None]
    n2 = np.arange(columns)[None, None, :]
    angle = -2 * np.pi * n2 * (k1 + rows * k2) / (rows * columns)
    real, imaginary = np.cos(angle), np.sin(angle)
    return np.block([[real, -imaginary], [imaginary, real]])


def permuted_mel(spec: LogMelSpec, rows: int, kept: list[int]) -> Array:
    """The mel matrix in the order of the computed bins; a bin computed twice counts half."""
    bins = (np.arange(rows // 2 + 1)[:, None] + rows * np.array(kept)).reshape(-1)
    folded = np.minimum(bins, spec.n_fft - bins)
    times = np.bincount(folded, minlength=spec.n_fft // 2 + 1)
    return mel_matrix(spec)[folded] / times[folded, None]
