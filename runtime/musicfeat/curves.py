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
REACH_SECONDS = 2.0
"""Greatest distance from the end of a stretch that plays backwards to the cut that it moves to."""
FARTHER = 2.0
"""Nats by which a cut must be likelier for each second of its distance from the end of a stretch. Fitted to held-out
music, as are ``REACH_SECONDS`` and ``LEAST_CUT``.
"""
LEAST_CUT = 0.02
"""Least P(cut) of a place to which the end of a stretch moves; some place near by must be a cut: little is enough."""
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
        return log_odds(self.values)

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

    def likeliest(self, time: float, reach: float) -> float:
        """Time of the likeliest cut within ``reach`` seconds, near ones preferred; ``time`` if there is none."""
        near = slice(*np.searchsorted(self.times, [time - reach, time + reach]))
        times, values = self.times[near], self.values[near]
        likely = values >= LEAST_CUT
        if not likely.any():
            return time
        score = log_odds(values) - FARTHER * np.abs(times - time)
        return float(times[np.where(likely, score, -np.inf).argmax()])

    def stretches(self, least: float = 0.5, cuts: Curve | None = None) -> list[Finding]:
        """Stretches of a curve of backward music, in time order; their log-odds are the mean of those in them.

        Args:
            least: least probability of a stretch.
            cuts: curve of cuts. A stretch begins and ends with one, unless the recording does, and this curve is finer:
                ends move to the likeliest cut near by.
        """
        gains, found = self.log_odds, []
        for first, last in runs(gains):
            start, end = self._bounds(first, last, cuts)
            probability = float(1 / (1 + np.exp(-gains[first : last + 1].mean())))
            if probability >= least and end - start >= LEAST_SECONDS:
                found.append(Finding("reversed", start, end, probability))
        return found

    def _bounds(self, first: int, last: int, cuts: Curve | None) -> tuple[float, float]:
        """Start and end of the values ``first`` to ``last``, moved to cuts near by unless the recording ends there."""
        start, end = float(self.times[first] - self.step / 2), float(self.times[last] + self.step / 2)
        if cuts:
            reach = min(REACH_SECONDS, (end - start) / 3)
            start = cuts.likeliest(start, reach) if first else start
            end = cuts.likeliest(end, reach) if last < len(self.times) - 1 else end
        return start, end


def stitched(starts: Seconds, values: Floats, step: float, first: float, end: float) -> Curve:
    """One curve out of those of windows, at the moments of the window whose middle is nearest.

    Where windows overlap, log-odds are averaged, each window counting the more the nearer its middle is: it has heard
    what comes before and behind.

    Args:
        starts: [W] start of each window in seconds, rising.
        values: [W, T] probabilities of each window.
        step: seconds from one value to the next.
        first: seconds from a window's start to its first value.
        end: end of the sound in seconds; later values are padding.
    """
    times = starts[:, None] + first + step * np.arange(values.shape[1])
    length = values.shape[1] * step
    borders = (starts[1:] + starts[:-1] + length) / 2
    lower, upper = np.append(-np.inf, borders), np.append(borders, np.inf)
    kept = (times >= lower[:, None]) & (times < np.minimum(upper, end)[:, None])
    moments, found = times[kept], values[kept]
    if (np.diff(starts) >= length).all():
        return Curve(moments, found, step)
    total, weight, windows = np.zeros((3, len(moments)))
    for start, own, row in zip(starts, times, values, strict=True):
        inside = slice(*np.searchsorted(moments, [start, start + length]))
        near = np.maximum(CERTAIN, 1 - np.abs(moments[inside] - start - length / 2) / (length / 2))
        total[inside] += near * np.interp(moments[inside], own, log_odds(row))
        weight[inside] += near
        windows[inside] += 1
    several = windows > 1
    found[several] = 1 / (1 + np.exp(-total[several] / weight[several]))
    return Curve(moments, found, step)


def log_odds(probabilities: npt.NDArray[np.floating]) -> Seconds:
    """Logarithms of the odds of probabilities, which count as a little uncertain."""
    p = np.clip(probabilities.astype(np.float64), CERTAIN, 1 - CERTAIN)
    return np.asarray(np.log(p / (1 - p)), np.float64)


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
