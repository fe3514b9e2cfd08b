"""The constants of the constant-Q transform: librosa's kernels, fitted to few and coarse sampling rates."""

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
"""Each level of the computation has a quarter of the sampling rate of the level above."""
TAPS = 21
"""Length of the low-pass filter before each step."""
SPARSITY = 0.01
"""The share of its spectrum's magnitude that librosa drops from each kernel, smallest first."""
STOPBAND_WEIGHT = 1e-3
"""Of a kernel's response where the low-pass filter leaves nothing to hear, against its error elsewhere."""

_RATIO = 2 ** (2 / BINS_PER_OCTAVE)
QUALITY = (_RATIO + 1) / (_RATIO - 1)
"""Brown's Q, the centre frequency over the bandwidth, in librosa's definition."""


@dataclass(frozen=True)
class CQTSpec:
    """Everything that pins a constant-Q spectrogram down. As it stands: ``librosa.cqt``, 84 bins from C1, hop 512.

    A clip of ``n`` samples has ``n // hop + 1`` frames. Frame ``t`` is centred on the sample ``t * hop``; samples
    outside the clip are zeros.
    """

    sample_rate: int = 22050
    hop: int = 512
    fmin: float = 440 * 2**-3.75
    """Centre of the lowest bin in Hz."""
    octaves: int = 7
    centred: bool = False
    """False: librosa's windows, whose middle lies half a sample (of their octave's rate) behind the frame's. True: on
    it, so that a clip of a multiple of ``hop`` samples, and one, gives its spectrogram flipped when played backwards.
    """
    top_db: float = 80.0
    """Whatever is farther below the clip's maximum than this counts as if it were as far."""
    reference: Literal["maximum", "one"] = "maximum"
    """What 0 dB is: the clip's maximum, so that its level does not matter; or amplitude 1, as in the paper's code.

    There the floor lies below the maximum of a whole track, here below that of the clip.
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
        """Where the highest bin's main lobe ends, in cycles per sample."""
        return float(self.frequencies[-1]) * (1 + 2 / QUALITY) / self.sample_rate

    @property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """The octaves, 0 the highest, that are computed at each sampling rate: one at the full rate, then pairs."""
        return ((0,), *(tuple(range(i, min(i + 2, self.octaves))) for i in range(1, self.octaves, 2)))

    @property
    def width(self) -> int:
        """Samples of a kernel, the same at every level; odd, so that a kernel has a middle."""
        longest = QUALITY * self.sample_rate / self.frequencies[-BINS_PER_OCTAVE]
        return 2 ** int(np.ceil(np.log2(longest))) - 1


def low_pass(spec: CQTSpec) -> Real:
    """Dolph and Chebyshev's filter, [TAPS], gain 1 at rest: the best stopband that so many taps can have.

    A step down mirrors frequencies at half the new rate. The stopband begins where the mirror image would reach the
    highest main lobe that is looked for at the new rate. The slope of the passband is left to the kernels.
    """
    stop = (1 - 2 * spec.upper_edge) / STEP
    size = 4 * TAPS
    angle = np.cos(np.pi * np.arange(size) / size) / np.cos(np.pi * stop)
    response = np.polynomial.chebyshev.chebval(angle, [0.0] * (TAPS - 1) + [1.0])
    taps = np.roll(np.fft.irfft(response[: size // 2 + 1], size), TAPS // 2)[:TAPS]
    return taps / taps.sum()


def gain(spec: CQTSpec, level: int, frequency: Real) -> Real:
    """What is left of each frequency (cycles per sample of the level) behind the level's low-pass filters."""
    taps, places = low_pass(spec), np.arange(TAPS) - TAPS // 2
    total = np.ones_like(frequency)
    for above in range(1, level + 1):
        total *= np.cos(2 * np.pi * np.outer(frequency / STEP**above, places)) @ taps
    return total


def octave_basis(spec: CQTSpec) -> Complex:
    """The kernels of the highest octave at the full rate, [12, width], as librosa has them.

    A Hann window of Q periods times a complex exponential, of sum 1, times the square root of its length; of its
    spectrum, the negative frequencies and the smallest values that make up ``SPARSITY`` of the whole are dropped.
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
    """The kernels of one octave for the samples of a level, [12, width].

    The least squares over frequency of what the level's low-pass filters leave, times the kernel, against librosa's
    kernel at the octave's own rate: what the filters took, the kernels give back. The normal equations are Toeplitz.
    """
    basis = octave_basis(spec)
    own = 4 * (spec.width + 1)
    size = own * 2**octave // STEP**level
    middle_first = np.roll(np.pad(basis, ((0, 0), (0, own - spec.width))), -(spec.width // 2), axis=1)
    target = np.fft.fft(middle_first, axis=1) * np.sqrt(2.0**octave)
    kept = min(own, size) // 2
    response = np.zeros((BINS_PER_OCTAVE, size), dtype=np.complex128)
    response[:, :kept], response[:, -kept:] = target[:, :kept], target[:, -kept:]
    left = gain(spec, level, np.fft.fftfreq(size).astype(np.float64))
    places = np.arange(spec.width) - spec.width // 2
    normal = np.fft.ifft(left**2).real[np.abs(places[:, None] - places)] + STOPBAND_WEIGHT**2 * np.eye(spec.width)
    kernels = np.linalg.solve(normal, np.fft.ifft(left * response, axis=1)[:, places].T).T
    return kernels.astype(np.complex128)
