"""Likeness of two sounds, to tell if they are one recording: the offset, certainty and length of their agreement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.versions.detail import FRAME, Detail

Doubles = npt.NDArray[np.float64]
LEAST = 0.3
"""Least correlation of detail in long copies of one recording; that of different recordings falls with their length."""
LEAST_SHORT = 0.7
"""Least correlation in copies up to ``SHORT_SECONDS``; two takes of one note reached 0.6, MP3 copies of notes 0.9."""
SHORT_SECONDS = 2.0
LEAST_SIGMA = 7.0
"""Least correlation of copies in standard deviations of chance."""
REPEATED = 0.8
"""Share of the best correlation from which another offset agrees as well, so that the sound between is repeated."""
SHARED_CORRELATION = 0.3
SHARED_SECONDS = 0.5
"""Length of sound around a moment that decides if both sounds share it."""
LEAST_OVERLAP = 0.5
"""Least overlap as a share of the shorter sound."""
CHANCE = 8.0
"""Number of neighbouring values of the detail that count as one independent value."""
TELLING = 0.5
"""Least variance of detail that a sounding frame counts with; without it only the ends of a steady tone would count,
and these are alike in all tones."""


@dataclass(frozen=True)
class Likeness:
    """Agreement of two sounds at the offset where they agree best."""

    correlation: float
    """Correlation of the detail where they overlap, up to 1."""
    seconds: float
    """Length of the overlap."""
    before_repeat: float
    """Seconds of it after which it agrees as well again, because it is a loop; the whole overlap if it never does."""
    sigma: float
    """Correlation in standard deviations of chance at other offsets; it grows with the length compared."""
    offset: float
    """Seconds of the first sound before the second begins; below 0 if the second begins earlier."""
    share: tuple[float, float]
    """Shares of the first and of the second sound, without silence, that the other contains too."""

    @property
    def same(self) -> bool:
        """True if they are one recording where they overlap."""
        return self.correlation >= least_correlation(self.before_repeat) and self.sigma >= LEAST_SIGMA


NOTHING = Likeness(0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0))


def least_correlation(seconds: float) -> float:
    """Least correlation of copies of this length, where a loop counts once; chance shrinks with the root of length."""
    return LEAST + (LEAST_SHORT - LEAST) * min(1.0, (SHORT_SECONDS / max(seconds, 1e-9)) ** 0.5)


def likeness(first: Detail, second: Detail) -> Likeness:
    """Likeness of two sounds, from all offsets at which at least half of the shorter one overlaps."""
    lags, found = correlations(first, second)
    if not len(lags):
        return NOTHING
    best = int(np.argmax(found))
    lag, peak, between = int(lags[best]), *_peak(found, best)
    overlap = min(len(first) - lag, len(second)) - max(0, -lag)
    distances = np.abs(lags - lag)
    far = distances * FRAME > SHARED_SECONDS
    again = int(distances[far & (found >= REPEATED * found[best])].min(initial=overlap))
    within = far & (distances <= again - SHARED_SECONDS / FRAME)  # one turn of a loop
    apart = found[within if within.sum() * FRAME > 1 else far]
    chance = (CHANCE / (overlap * first.values.shape[1])) ** 0.5
    if len(apart) * FRAME > 1:  # periodic sounds agree at many offsets, so one agreement says less
        chance = max(chance, float(np.std(apart)))
    share = _shares(first, second, lag)
    return Likeness(peak, overlap * FRAME, again * FRAME, peak / chance, (lag + between) * FRAME, share)


def correlations(first: Detail, second: Detail) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Offsets of the second from the first in frames, and the correlation of the detail at each."""
    least = max(1, round(LEAST_OVERLAP * min(len(first), len(second))))
    lags = np.arange(least - len(second), len(first) - least + 1)
    if not first.heard.any() or not second.heard.any():
        return lags[:0], np.zeros(0)
    size = 1 << (len(first) + len(second) - 1).bit_length()
    products = np.zeros(size // 2 + 1, np.complex128)
    for band in range(first.values.shape[1]):
        there, here = (np.fft.rfft(some.values[:, band].astype(np.float64), size) for some in (first, second))
        products += there * here.conj()
    sums = np.fft.irfft(products, size)[lags]
    start = np.maximum(lags, 0)
    stop = np.minimum(lags + len(second), len(first))
    energies = _between_frames(first, start, stop) * _between_frames(second, start - lags, stop - lags)
    return lags, np.asarray(sums / np.sqrt(energies))


def _between_frames(some: Detail, start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Doubles:
    """Energy of the detail between frames, with at least ``TELLING`` for each sounding frame."""
    sums = np.concatenate([[0.0], np.cumsum(_energy(some))])
    return np.asarray(sums[stop] - sums[start])


def _energy(some: Detail) -> Doubles:
    values = some.values.astype(np.float32)
    least = TELLING * values.shape[1] * some.heard + 1e-9
    return np.maximum(np.einsum("tb,tb->t", values, values), least).astype(np.float64)


def _peak(found: Doubles, best: int) -> tuple[float, float]:
    """Height and place of the parabola through the best value and its neighbours, the place from -0.5 to 0.5."""
    if not 0 < best < len(found) - 1:
        return float(found[best]), 0.0
    before, peak, after = (float(value) for value in found[best - 1 : best + 2])
    bend = 2 * peak - before - after
    place = min(0.5, max(-0.5, 0.5 * (after - before) / bend)) if bend > 0 else 0.0
    return min(1.0, peak + place * (after - before) / 4), place


def _shares(first: Detail, second: Detail, lag: int) -> tuple[float, float]:
    """Share of each sound that agrees with the other."""
    start, stop = max(0, lag), min(lag + len(second), len(first))
    there, here = slice(start, stop), slice(start - lag, stop - lag)
    products = np.einsum("tb,tb->t", first.values[there].astype(np.float32), second.values[here].astype(np.float32))
    reach = min(round(SHARED_SECONDS / FRAME), stop - start)
    kernel = np.ones(reach)
    product, one, other = (
        np.convolve(x, kernel, "same")[: stop - start] for x in (products, _energy(first)[there], _energy(second)[here])
    )
    agree = product > SHARED_CORRELATION * np.sqrt(one * other)
    common = ((first.heard, there), (second.heard, here))
    found = [float((agree & heard[place]).sum() / max(1, heard.sum())) for heard, place in common]
    return found[0], found[1]
