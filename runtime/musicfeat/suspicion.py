"""Where a recording seems to play backwards, as a whole or for a while, or to be spliced.

What plays backwards is read from the windows' ``reversal``. What was cut can only be heard in the file: a window's
``jigsaw`` looks at its own two joins, and a cut hardly ever falls there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.extractor import Extractor

Doubles = npt.NDArray[np.float64]
ALIKE = 0.5
"""Correlation of what two windows of a track say wrongly: however many agree, they count at most as 1 / ``ALIKE``."""
REVERSED_PRIOR, CUT_PRIOR = -2.0, -6.5
"""Log-odds that a track has a backward stretch, and a place a cut, before anything was heard; both are rare."""
DROP = 2.0
"""A stretch ends where the log-odds of the windows behind it sum to less than minus this."""
LEAST = 0.5
"""Probability from which the pages call a place suspicious."""
WHOLE = 0.9
"""A stretch that covers so much of a track is the track."""


@dataclass(frozen=True)
class Finding:
    """Something suspicious in a track."""

    kind: Literal["reversed", "spliced"]
    start: float
    end: float
    """Seconds; for a splice the same. A backward stretch is known to about half a window."""
    probability: float

    def __str__(self) -> str:
        return f"{self.kind} {self.probability:.2f}"


class Track(NamedTuple):
    """What the rows of a file say."""

    path: str
    duration: float
    rows: Doubles
    """[rows, 4]: number, start, end and reversal of each window."""

    @property
    def starts(self) -> Doubles:
        """[rows] seconds."""
        return self.rows[:, 1]

    @property
    def ends(self) -> Doubles:
        """[rows] seconds."""
        return self.rows[:, 2]

    @property
    def reversal(self) -> Doubles:
        """[rows] P(plays backwards)."""
        return self.rows[:, 3]

    @property
    def whole(self) -> bool:
        """Whether no row is missing."""
        return len(self.rows) == self.rows[:, 0].max() + 1 and bool(self.ends.max() >= self.duration - 1e-6)


def reversals(track: Track, window: float, least: float) -> list[Finding]:
    """Where a track plays backwards: one finding from its beginning to its end if it does so nearly everywhere.

    The log-odds of a stretch's windows are averaged, as in ``Features.reversed``, and count for one window to at
    most two, the more the longer it is; then ``REVERSED_PRIOR`` is added.
    """
    p = np.clip(track.reversal, 1e-4, 1 - 1e-4)
    gains = np.log(p / (1 - p))
    own = np.append(np.diff(track.starts), track.ends[-1] - track.starts[-1])
    sizes = np.where(gains == 0, 0, own / window)
    found = []
    for first, last in _runs(gains * sizes):
        part = slice(first, last + 1)
        seen = max(1.0, sizes[part].sum())
        mean = float(np.average(gains[part], weights=sizes[part]))
        probability = _probability(mean * seen / (1 + ALIKE * (seen - 1)) + REVERSED_PRIOR)
        if probability >= least:
            whole = sizes[part].sum() >= WHOLE * sizes.sum()
            found.append(Finding("reversed", *(0.0, track.duration) if whole else _span(track, own, part), probability))
    return found


def splices(path: str, extractor: Extractor, least: float) -> list[Finding]:
    """Where a file was cut, heard again.

    Raises:
        AudioError: it cannot be decoded.
        ModelError: the model has no ``successor``.
    """
    found = []
    for time, suspicion in extractor.continuity(path).edits(_probability(_log_odds(least) - CUT_PRIOR)):
        probability = _probability(_log_odds(suspicion) + CUT_PRIOR)
        found.append(Finding("spliced", time, time, probability))
    return found


def _runs(gains: Doubles) -> Iterator[tuple[int, int]]:
    """First and last window of each stretch where the gains add up, up to where their sum is greatest."""
    first, last, total, best = 0, -1, 0.0, 0.0
    for i, gain in enumerate(gains):
        total += gain
        if total > best:
            first, last, best = first if best else i, i, total
        elif total <= max(0.0, best - DROP):
            if best:
                yield first, last
            total = best = 0.0
    if best:
        yield first, last


def _span(track: Track, own: Doubles, part: slice) -> tuple[float, float]:
    """Seconds: windows that overlap speak for their middle."""
    last = part.stop - 1
    middle = (track.starts + track.ends) / 2
    start = middle[part.start] - own[part.start - 1] / 2 if part.start else 0.0
    return float(start), float(middle[last] + own[last] / 2 if part.stop < len(own) else track.duration)


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(probability: float) -> float:
    p = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))
