"""Constants of the constant-Q transform: librosa's kernels, fitted to few and coarse sampling rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

BINS_PER_OCTAVE = 12
STEP = 4
"""Ratio of the sampling rates of neighbouring levels."""
TAPS = 21
"""Length of the low-pass filter before each step."""
SPARSITY = 0.01
"""Share of its spectrum's magnitude that librosa drops from each kernel, smallest values first."""
STOPBAND_WEIGHT = 1e-3
"""Weight of a kernel's response in the low-pass filter's stopband, against its error elsewhere."""

_RATIO = 2 ** (2 / BINS_PER_OCTAVE)
QUALITY = (_RATIO + 1) / (_RATIO - 1)
"""Brown's Q, the centre frequency over the bandwidth, in librosa's definition."""


@dataclass(frozen=True)
class CQTSpec:
    """Settings of a constant-Q spectrogram, by default those of ``librosa.cqt``: 84 bins from C1, hop 512.

    A clip of ``n`` samples has ``n // hop + 1`` frames. Frame ``t`` is centred on the sample ``t * hop``; samples
    outside the clip are zeros.
    """

    sample_rate: int = 22050
    hop: int = 512
    fmin: float = 440 * 2**-3.75
    """Centre of the lowest bin in Hz."""
    octaves: int = 7
    centred: bool = False
    """True if windows are centred on their frames; librosa's lie half a sample (of their octave's rate) later. Centred,
    a clip of a multiple of ``hop`` samples plus one has its spectrogram flipped exactly when played backwards.
    """
    top_db: float = 80.0
    """Greatest distance below the clip's maximum; lower values are raised to it."""
    reference: Literal["maximum", "one"] = "maximum"
    """Reference of 0 dB: the clip's maximum, so that its level does not matter; or amplitude 1, as in the paper's code.

    In that code the floor lies below the maximum of a whole track, here below that of the clip.
    """

    def __post_init__(self) -> None:
        finest = STEP ** (len(self.levels) - 1)
        if self.octaves < 1 or self.hop < 1 or self.hop % finest:
            raise InputError(f"{self.octaves} octaves need a hop that is a multiple of {finest}, got {self.hop}")
        if not 0 < self.upper_edge <= 0.2:
            lowest = self.frequencies[-1] * (1 + 2 / QUALITY) / 0.2
            raise InputError(f"bins up to {self.frequencies[-1]:.0f} Hz need a sample rate of {lowest:.0f} Hz or more")

    @property
    def frequencies(self) -> Real:
        """Centres of the bins in Hz, [12 * octaves], the lowest first."""
        return self.fmin * 2 ** (np.arange(self.octaves * BINS_PER_OCTAVE) / BINS_PER_OCTAVE)

    @property
    def upper_edge(self) -> float:
        """Upper end of the highest bin's main lobe, in cycles per sample."""
        return float(self.frequencies[-1]) * (1 + 2 / QUALITY) / self.sample_rate

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Octaves, 0 the highest, that are computed at each sampling rate: one at the full rate, then pairs."""
        return ((0,), *(tuple(range(i, min(i + 2, self.octaves))) for i in range(1, self.octaves, 2)))

    @property
    def width(self) -> int:
        """Samples of a kernel, the same at every level; odd, so that there is a middle one."""
        longest = QUALITY * self.sample_rate / self.frequencies[-BINS_PER_OCTAVE]
        return 2 ** int(np.ceil(np.log2(longest))) - 1


def low_pass(spec: CQTSpec) -> Real:
    """Dolph and Chebyshev's filter, [TAPS], gain 1 at 0 Hz: the best stopband for its number of taps.

    A step down mirrors frequencies at half the new rate. The stopband begins where the mirror image would reach the
    highest main lobe that is read at the new rate. The kernels make up for the slope of the passband.
    """
    stop = (1 - 2 * spec.upper_edge) / STEP
    size = 4 * TAPS
    angle = np.cos(np.pi * np.arange(size) / size) / np.cos(np.pi * stop)
    response = np.polynomial.chebyshev.chebval(angle, [0.0] * (TAPS - 1) + [1.0])
    taps = np.roll(np.fft.irfft(response[: size // 2 + 1], size), TAPS // 2)[:TAPS]
    return taps / taps.sum()


def gain(spec: CQTSpec, level: int, frequency: Real) -> Real:
    """Gain of each frequency (cycles per sample of the level) through the low-pass filters up to a level."""
    taps, places = low_pass(spec), np.arange(TAPS) - TAPS // 2
    total = np.ones_like(frequency)
    for above in range(1, level + 1):
        total *= np.cos(2 * np.pi * np.outer(frequency / STEP**above, places)) @ taps
    return total


def octave_basis(spec: CQTSpec) -> Complex:
    """Kernels of the highest octave at the full rate, [12, width], as in librosa.

    A kernel is a Hann window of Q periods times a complex exponential, of sum 1, times the square root of its length.
    Its spectrum lacks negative frequencies and the smallest values, which make up ``SPARSITY`` of the whole.
    """
    size = spec.width + 1
    time = np.arange(size) - size // 2
    late = 0.0 if spec.centred else 0.5
    rows = []
    for frequency in spec.frequencies[-BINS_PER_OCTAVE:]:
        length = QUALITY * spec.sample_rate / frequency
        half = int(length / 2) + 0.5
        window = np.where(np.abs(time - late) < half, 0.5 + 0.5 * np.cos(np.pi * (time - late) / half), 0.0)
        wave = window * np.exp(-2j * np.pi * frequency / spec.sample_rate * time)
        spectrum = np.fft.fft(wave * np.sqrt(length) / window.sum())
        spectrum[1 : size // 2] = 0
        ordered = np.sort(np.abs(spectrum))
        dropped = ordered[np.cumsum(ordered) < SPARSITY * ordered.sum()][-1]
        rows.append(np.fft.ifft(np.where(np.abs(spectrum) > dropped, spectrum, 0)))
    return np.array(rows)[:, 1:]


def fitted_kernels(spec: CQTSpec, octave: int, level: int) -> Complex:
    """Kernels of one octave for the samples of a level, [12, width].

    A least-squares fit over frequency of the low-pass filters' gain times the kernel to librosa's kernel at the
    octave's own rate, so that kernels restore what the filters took. The normal equations are Toeplitz.
    """
    basis = octave_basis(spec)
    own = 4 * (spec.width + 1)
    size = own * 2**octave // STEP**level
    middle_first = np.roll(np.pad(basis, ((0, 0), (0, own - spec.width))), -(spec.width // 2), axis=1)
    target = np.fft.fft(middle_first, axis=1) * np.sqrt(2.0**octave)
    half = min(own, size) // 2
    response = np.zeros((BINS_PER_OCTAVE, size), dtype=np.complex128)
    response[:, :half], response[:, -half:] = target[:, :half], target[:, -half:]
    left = gain(spec, level, np.fft.fftfreq(size).astype(np.float64))
    places = np.arange(spec.width) - spec.width // 2
    normal = np.fft.ifft(left**2).real[np.abs(places[:, None] - places)] + STOPBAND_WEIGHT**2 * np.eye(spec.width)
    kernels = np.linalg.solve(normal, np.fft.ifft(left * response, axis=1)[:, places].T).T
    return kernels.astype(np.complex128)
