"""Curves over a whole recording, of the values that a model gives for each moment of a window, and what they find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.finding import Finding, runs

Floats = npt.NDArray[np.float32]
Seconds = npt.NDArray[np.float64]
APART_SECONDS = 0.5
"""Least distance between two cuts."""
LEAST_SECONDS = 1.0
"""Least length of a stretch that plays backwards."""
CERTAIN = 1e-6
"""Probabilities count as at least this far from 0 and 1."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Probability at each of N moments of a recording."""

    times: Seconds
    """[N] seconds on a player's clock, rising; each value stands for the time around it."""
    values: Floats
    """[N] probabilities."""
    step: float
    """Seconds from one value of a window to the next."""

    @property
    def log_odds(self) -> Seconds:
        """[N] logarithms of the odds."""
        p = np.clip(self.values.astype(np.float64), CERTAIN, 1 - CERTAIN)
        return np.asarray(np.log(p / (1 - p)), np.float64)

    def cuts(self, least: float = 0.5) -> list[Finding]:
        """Peaks of a curve of cuts with at least this probability, in time order."""
        tops = peaks(self.times, self.values, least, APART_SECONDS)
        return [Finding("spliced", time, time, value) for time, value in tops]

    def thinned(self, most: int) -> Curve:
        """The curve with at most so many values: the greatest of each stretch, at the middle of the stretch."""
        size = max(1, -(-len(self.times) // most))
        firsts = np.arange(0, len(self.times), size)
        lasts = np.minimum(firsts + size, len(self.times)) - 1
        middles = (self.times[firsts] + self.times[lasts]) / 2
        return Curve(middles, np.maximum.reduceat(self.values, firsts), self.step * size)

    def stretches(self, least: float = 0.5) -> list[Finding]:
        """Stretches of a curve of backward music, in time order; their log-odds are the mean of those in them."""
        gains, found = self.log_odds, []
        for first, last in runs(gains):
            start, end = self.times[first] - self.step / 2, self.times[last] + self.step / 2
            probability = float(1 / (1 + np.exp(-gains[first : last + 1].mean())))
            if probability >= least and end - start >= LEAST_SECONDS:
                found.append(Finding("reversed", float(start), float(end), probability))
        return found


def stitched(starts: Seconds, values: Floats, step: float, first: float, end: float) -> Curve:
    """One curve out of those of windows: each moment is read from the window whose middle is nearest.

    Args:
        starts: [W] start of each window in seconds, rising.
        values: [W, T] values of each window.
        step: seconds from one value to the next.
        first: seconds from a window's start to its first value.
        end: end of the sound in seconds; later values are padding.
    """
    times = starts[:, None] + first + step * np.arange(values.shape[1])
    borders = (starts[1:] + starts[:-1] + values.shape[1] * step) / 2
    lower, upper = np.append(-np.inf, borders), np.append(borders, np.inf)
    kept = (times >= lower[:, None]) & (times < np.minimum(upper, end)[:, None])
    return Curve(times[kept], values[kept], step)


def peaks(times: Seconds, values: npt.NDArray[np.floating], least: float, apart: float) -> list[tuple[float, float]]:
    """Times and values of local maxima of at least ``least``, in time order.

    The highest is taken first, and none within ``apart`` seconds of it: what several windows heard of one place is
    one peak, and its slopes are none.
    """
    beside = np.maximum(np.append(values[1:], -np.inf), np.append(-np.inf, values[:-1]))
    tops = np.flatnonzero((values >= beside) & (values >= least))
    found: list[tuple[float, float]] = []
    for i in tops[np.argsort(-values[tops], kind="stable")]:
        if all(abs(times[i] - time) >= apart for time, _ in found):
            found.append((float(times[i]), float(values[i])))
    return sorted(found)
