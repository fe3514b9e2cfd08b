"""Search for short stretches of one sound everywhere in another, by correlation of their detail at all lags."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.versions.detail import Floats

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
TILE = 1024
"""Least number of frames of the searched sound that are transformed at once."""
TOGETHER = 64
"""Number of stretches that are searched for at once."""
LEAST_ENERGY = 0.1
"""Least energy that a value counts with, so that steady tones and silence are like nothing."""


class Places(NamedTuple):
    """Places in the searched sound that are like each of Q stretches, best first."""

    scores: Floats
    """[Q, K] correlation, 0 where fewer places were found."""
    starts: Doubles
    """[Q, K] where the stretch begins in the searched sound, in frames and parts of one."""


class Searched:
    """A sound's values [T, bands], ready to be searched for stretches of ``length`` frames."""

    def __init__(self, values: Floats, length: int) -> None:
        self.length, self._least = length, LEAST_ENERGY * length * values.shape[1]
        self._size = 1 << (max(TILE, 2 * length) - 1).bit_length()
        self._step = self._size - length
        self._tiles = self._transformed(values)
        self._root = np.sqrt(np.maximum(_sums(np.square(values).sum(1), length), self._least))

    def places(self, stretches: Floats, peaks: int) -> Places:
        """The best places of each stretch [Q, length, bands]; it may hang over an end of the sound."""
        own = np.sqrt(np.maximum(np.square(stretches).sum((1, 2)), self._least))[:, None]
        found = [
            _peaks(self._products(stretches[first : first + TOGETHER]) / own[first : first + TOGETHER], peaks)
            for first in range(0, len(stretches), TOGETHER)
        ]
        return Places(np.concatenate([s for s, _ in found]), np.concatenate([p for _, p in found]) - self.length)

    def _transformed(self, values: Floats) -> npt.NDArray[np.complex64]:
        """[frequency, bands, M] transforms of overlapping tiles; tile m begins at frame ``m * step - length``."""
        count = -(-(len(values) + self.length + 1) // self._step)
        padded = np.pad(values, ((self.length, count * self._step + self._size - len(values)), (0, 0)))
        tiles = np.stack([padded[m * self._step : m * self._step + self._size] for m in range(count)])
        return np.ascontiguousarray(np.fft.rfft(tiles, axis=1).transpose(1, 2, 0))

    def _products(self, stretches: Floats) -> Floats:
        """[Q, lags] products of stretches with the sound at all lags from ``-length`` on, over its energy's root."""
        some = np.fft.rfft(stretches, self._size, axis=1).conj().transpose(1, 0, 2)
        sums = np.fft.irfft((some @ self._tiles).transpose(1, 2, 0), self._size, axis=2)[:, :, : self._step]
        return sums.reshape(len(sums), -1)[:, : len(self._root)] / self._root


def _sums(energy: Floats, length: int) -> Floats:
    """Energy of the ``length`` frames from each lag on, from -length to T."""
    sums = np.concatenate([[0.0], np.cumsum(np.pad(energy, length), dtype=np.float64)])
    return (sums[length:] - sums[:-length]).astype(np.float32)


def _peaks(found: Floats, count: int) -> tuple[Floats, Doubles]:
    """Height and place of the greatest local maxima of each row, those of a parabola through three values."""
    before, inner, after = found[:, :-2], found[:, 1:-1], found[:, 2:]
    tops = np.where((inner >= before) & (inner > after), inner, 0.0)
    count = min(count, tops.shape[1])
    best = np.argpartition(-tops, count - 1, axis=1)[:, :count]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(tops, best, axis=1), axis=1, kind="stable"), axis=1)
    low, high, top = (np.take_along_axis(some, best, axis=1) for some in (before, after, inner))
    between = np.clip(0.5 * (high - low) / np.maximum(2 * top - low - high, 1e-6), -0.5, 0.5)
    heights = np.where(np.take_along_axis(tops, best, axis=1) > 0, top + between * (high - low) / 4, 0)
    return heights, best + 1 + between.astype(np.float64)
