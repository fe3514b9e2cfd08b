"""The nearest so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SLACK = 5e-4
"""More than half precision errs in a similarity."""


class Found(NamedTuple):
    """A row that may be among the nearest."""

    similarity: float
    path: str
    """As in the column ``path``."""
    start: float
    end: float

    @property
    def rank(self) -> tuple[float, str, float]:
        """Sorts the nearest first, and equally near ones by name and time."""
        return -self.similarity, self.path, self.start


class Best:
    """The k nearest rows, or the nearest row of each of the k nearest tracks.

    Args:
        k: how many.
        windows: several of one track, too.
    """

    def __init__(self, k: int, windows: bool) -> None:
        self.k, self.windows = k, windows
        self.rows: list[Found] = []

    @property
    def floor(self) -> float:
        """A row less similar than this cannot be among them."""
        return self.rows[-1].similarity - SLACK if len(self.rows) == self.k else -np.inf

    def add(self, rows: Iterable[Found]) -> None:
        """Take some more rows into account."""
        ranked = sorted([*self.rows, *rows], key=lambda row: row.rank)
        if not self.windows:
            ranked = list({row.path: row for row in reversed(ranked)}.values())[::-1]
            ranked.sort(key=lambda row: row.rank)
        self.rows = ranked[: self.k]


def promising(
    scores: npt.NDArray[np.float32], tracks: npt.NDArray[np.integer] | None, k: int, floor: float
) -> npt.NDArray[np.intp]:
    """Which rows may be among the k nearest, or among the nearest of the k nearest tracks.

    Args:
        scores: [n] similarities, -inf for rows that do not count.
        tracks: [n] numbers that are equal for rows of one track and grow; None if rows stand for themselves.
        k: how many are wanted.
        floor: of what is known already.
    """
    if not len(scores):
        return np.empty(0, np.intp)
    peaks = scores
    if tracks is not None:
        peaks = np.maximum.reduceat(scores, np.flatnonzero(np.diff(tracks, prepend=tracks[0] - 1)))
    if len(peaks) > k:
        floor = max(floor, float(np.partition(peaks, -k)[-k]) - SLACK)
    return np.flatnonzero((scores >= floor) & (scores > -np.inf))
