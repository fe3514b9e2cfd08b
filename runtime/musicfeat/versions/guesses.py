"""Guesses how the second of two versions runs through the first: speeds, directions and offsets that some part has."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.versions.detail import SPEC, Floats
from musicfeat.versions.search import Doubles, Ints, Places, Searched
from musicfeat.versions.warped import Way, speed_grid, warped

MOST_SPEED, SPEED_STEP = 0.07, 0.01
"""Range of speeds that are looked for, and ratio of one to the next less 1: in 2 s they drift by 5 ms at most."""
LENGTH, HOP = 172, 86
"""Number of frames of a stretch, 2 s, and from one to the next, 1 s."""
SCOUTS = 9
"""Number of stretches by which a speed is found."""
LEAST = 0.35
"""Least correlation of a stretch with its place."""
PEAKS = 12
"""Number of places that are kept for each stretch."""
NEAR = 2
"""Number of frames by which places of one guess may differ."""
MOST = 48
"""Greatest number of guesses; only these are followed frame by frame."""
LEAST_RUN = 6
"""Least number of stretches, one a second, that tell a speed."""
SAME_SLOPE = 0.0015
"""Difference of slopes of lags up to which runs have one speed."""
NEARLY = 0.03
"""Correlation that a stretch may lose at a repeat, where the frames lie otherwise."""
GAIN = 0.3
"""Least sum of correlations that a guess must add to those before it."""


class Guess(NamedTuple):
    """One way through the first sound from one offset: frame t of the second is frame ``lag + t`` or ``lag - t``."""

    way: Way
    lag: int


class Stretches(NamedTuple):
    """Stretches of the second sound that are not silent."""

    starts: Ints
    """[Q] first frames."""
    values: Floats
    """[Q, length, bands]."""

    def places(self, searched: Searched, backwards: bool, peaks: int = PEAKS) -> Places:
        """Places of the stretches; ``starts`` are lags of guesses instead of frames."""
        found = searched.places(self.values[:, :: -1 if backwards else 1], peaks)
        own = self.starts[:, None]
        return found._replace(starts=found.starts + searched.length - 1 + own if backwards else found.starts - own)


def stretches(values: Floats, heard: npt.NDArray[np.bool_], starts: Iterable[int], length: int) -> Stretches:
    """Stretches of ``length`` frames, half of them heard or more."""
    kept = np.array([s for s in starts if heard[s : s + length].sum() > 0.5 * length], np.int64)
    padded = np.pad(values, ((0, length), (0, 0)))
    return Stretches(kept, np.stack([padded[s : s + length] for s in kept]) if len(kept) else padded[:0, None])


def scouted(searched: Searched, wave: Floats, starts: Iterable[int]) -> list[Way]:
    """The likeliest way of each stretch of the second sound's waveform; none for those that are found nowhere."""
    found = []
    grid = speed_grid(MOST_SPEED, SPEED_STEP)
    for start in starts:
        edge = round(0.1 * LENGTH)
        part = wave[max(0, start - edge) * SPEC.step : (start + LENGTH + edge) * SPEC.step]
        asked = np.stack([_middle(warped(part, 1 / speed).values.astype(np.float32)) for speed in grid])
        both = np.concatenate([asked, asked[:, ::-1]])
        scores = searched.places(both, 1).scores[:, 0]
        best = int(scores.argmax())
        if scores[best] >= LEAST:
            found.append(Way(float(grid[best % len(grid)]), best >= len(grid)))
    return found


def _middle(values: Floats) -> Floats:
    """The ``LENGTH`` frames in the middle."""
    spare = max(0, LENGTH - len(values))
    values = np.pad(values, ((spare // 2, spare - spare // 2), (0, 0)))
    start = (len(values) - LENGTH) // 2
    return values[start : start + LENGTH]


def runs_of(way: Way, starts: Ints, found: Places) -> list[Way]:
    """A way with the speeds at which its runs of stretches keep one lag, that of the longest run first."""
    sign = -1 if way.backwards else 1
    good = found.scores[:, 0] >= LEAST
    steady = good[1:] & good[:-1] & (np.abs(np.diff(found.starts[:, 0])) <= NEAR) & (np.diff(starts) <= HOP)
    breaks = np.flatnonzero(np.concatenate([[True], ~steady, [True]]))
    runs = [_line(starts[a:b], found.starts[a:b, 0]) for a, b in pairwise(breaks) if b - a >= LEAST_RUN]
    ways = list[Way]()
    while runs:
        longest = max(runs, key=lambda run: run.weight)
        near = [run for run in runs if abs(run.slope - longest.slope) <= SAME_SLOPE]
        drift = float(np.average([run.slope for run in near], weights=[run.weight for run in near]))
        ways.append(Way(way.speed * (1 + sign * drift), way.backwards))
        runs = [run for run in runs if run not in near]
    return ways


class _Line(NamedTuple):
    """A line through the lags of a run."""

    slope: float
    weight: float
    """Spread of its stretches; the error of the slope shrinks with its root."""


def _line(starts: Ints, lags: Doubles) -> _Line:
    along = starts - starts.mean()
    weight = float(np.square(along).sum())
    return _Line(float((along * lags).sum()) / weight, weight)


def chosen(ways: list[Way], found: list[Places]) -> list[Guess]:
    """Guesses that explain the stretches best, each adding to those before; few suffice, so staying is preferred."""
    votes = _votes(ways, found)
    count = max((len(places.scores) for places in found), default=0)
    explained, guesses = np.zeros(count, np.float32), list[Guess]()
    tables = {guess: _table(guess, ways, found) for guess in votes}
    while tables and len(guesses) < MOST:
        gains = {guess: float(np.maximum(table - explained, 0).sum()) for guess, table in tables.items()}
        best = max(gains, key=gains.__getitem__)
        if gains[best] < GAIN:
            break
        guesses.append(best)
        explained = np.maximum(explained, tables.pop(best))
    return guesses


def common(found: Places) -> list[int]:
    """Lags at which every stretch was found, and nearly as well as where it was found best."""
    good = found.scores >= found.scores.max(axis=1, keepdims=True) - NEARLY
    lags = [np.rint(some[kept]).astype(np.int64) for some, kept in zip(found.starts, good, strict=True)]
    return [int(lag) for lag in lags[0] if all((np.abs(some - lag) <= NEAR).any() for some in lags[1:])]


def _votes(ways: list[Way], found: list[Places]) -> list[Guess]:
    """All offsets that a stretch was found at."""
    return [
        Guess(way, int(lag))
        for way, places in zip(ways, found, strict=True)
        for lag in np.unique(np.rint(places.starts[places.scores >= LEAST]))
    ]


def _table(guess: Guess, ways: list[Way], found: list[Places]) -> Floats:
    """[Q] correlation of each stretch under a guess."""
    places = found[ways.index(guess.way)]
    off = np.abs(np.rint(places.starts) - guess.lag)
    return np.max(np.where(off <= NEAR, places.scores - 0.02 * off, 0), axis=1, initial=0).astype(np.float32)
