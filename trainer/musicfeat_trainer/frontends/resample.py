"""Sample-rate conversion as matrix products: the optional first stage of an exported graph."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError

Array = npt.NDArray[np.float64]

PASSBAND = 0.9
"""Share of the lower Nyquist frequency that passes unchanged; the stop band begins as far above that frequency."""
ATTENUATION_DB = 100.0
LEAST_BLOCK = 64
"""Least number of output samples of one product: fewer make it slow, more waste work on zeros."""
MOST_WEIGHTS = 2**20


class Resample(nn.Module):
    """Converter between two sample rates whose ratio is one of small numbers, by a windowed sinc.

    Band-limited interpolation is linear and periodic: with rates in the ratio M : L, every L output samples are one
    constant matrix times the M input samples that they span and some around them. So the input is cut into blocks of
    k M samples, and two products make k L samples of each: one with the block itself, one with the beginning of the
    next. That is faster in ONNX Runtime than a strided convolution, see ``benchmarks/resample.py``.

    The filter is Kaiser's (J. F. Kaiser, 'Nonrecursive digital filter design using the I0-sinh window function', 1974),
    its length and shape by his formulas. Up to ``PASSBAND`` of the lower Nyquist frequency (9.9 kHz from 44.1 to
    22.05 kHz) tones keep level and phase to -98 dB of themselves, noise to -107 dB; as far above that frequency
    (12.1 kHz) and beyond, they are 98 dB down; between, they fold into the band above ``PASSBAND`` only. soxr HQ
    reaches -133 dB where one rate is a multiple of the other, and -76 dB elsewhere.

    Output sample m is the sound at m / ``to`` seconds, without delay. Sound before the first sample and after the last
    counts as silence.

    Args:
        rate: Hz of the input.
        to: Hz of the output.

    Raises:
        InputError: the rates are equal, or their ratio needs matrices of more than ``MOST_WEIGHTS`` numbers.
    """

    within: Tensor
    beyond: Tensor

    def __init__(self, rate: int, to: int = 22050) -> None:
        super().__init__()
        if rate < 1 or to < 1 or rate == to:
            raise InputError(f"resampling needs two different rates in Hz, got {rate} and {to}")
        self.rates = rate, to
        divisor = math.gcd(rate, to)
        half = half_width(rate, to)
        self.before = math.ceil(half)
        times = max(math.ceil(LEAST_BLOCK * divisor / to), math.ceil(2 * self.before * divisor / rate))
        self.block, outputs = times * rate // divisor, times * to // divisor
        if (self.block + 2 * self.before) * outputs > MOST_WEIGHTS:
            raise InputError(
                f"{rate} and {to} Hz are in the ratio {rate // divisor} : {to // divisor}, too large for a graph: "
                "use a usual rate such as 16000, 32000, 44100, 48000, 88200 or 96000 Hz"
            )
        weights = torch.tensor(interpolation(rate, to, half, self.block, outputs), dtype=torch.float32)
        self.register_buffer("within", weights[: self.block].clone(), persistent=False)
        self.register_buffer("beyond", weights[self.block :].clone(), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Sound of any level at ``to`` Hz, [batch, n] at ``rate`` -> [batch, n * ``to`` // ``rate``]."""
        (rate, to), (batch, samples) = self.rates, waveform.shape
        count = -(-samples // self.block)
        behind = (count + 1) * self.block - samples - self.before
        blocks = nn.functional.pad(waveform, (self.before, behind)).reshape(batch, count + 1, self.block)
        following = blocks[:, :, : len(self.beyond)][:, 1:]
        resampled = blocks[:, :-1] @ self.within + following @ self.beyond
        return resampled.reshape(batch, -1)[:, : samples * to // rate]


def half_width(rate: int, to: int) -> float:
    """Half the filter's length in input samples."""
    transition = 2 * math.pi * (1 - PASSBAND) * min(1.0, to / rate)  # rad per input sample
    return (ATTENUATION_DB - 7.95) / (2.285 * transition) / 2


def interpolation(rate: int, to: int, half: float, block: int, outputs: int) -> Array:
    """Weight of each input sample, from ceil(half) before the block, in each output, [block + 2 * ceil(half), outputs].

    Every column sums to 1, so that a constant stays the same.
    """
    first = -math.ceil(half)
    distance = np.arange(first, block - first)[:, None] - np.arange(outputs) * rate / to
    shape = 0.1102 * (ATTENUATION_DB - 8.7)
    kaiser = np.i0(shape * np.sqrt(np.clip(1 - (distance / half) ** 2, 0, None))) * (np.abs(distance) <= half)
    weights = np.sinc(distance * min(1.0, to / rate)) * kaiser
    return np.asarray(weights / weights.sum(axis=0))
