"""The nearest rows found so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SLACK = 5e-4
"""Upper bound on the error of a similarity in half precision."""


class Found(NamedTuple):
    """A row that may be among the nearest."""

    similarity: float
    path: str
    """Path as in the column ``path``."""
    start: float
    end: float

    @property
    def rank(self) -> tuple[float, str, float]:
        """Sort key: the nearest first, equally near ones by name and time."""
        return -self.similarity, self.path, self.start


class Best:
    """The k nearest rows, or the nearest row of each of the k nearest tracks.

    Args:
        k: number of rows or tracks.
        windows: True allows several windows of one track.
    """

    def __init__(self, k: int, windows: bool) -> None:
        self.k, self.windows = k, windows
        self.rows: list[Found] = []

    @property
    def floor(self) -> float:
        """Least similarity of a row that can still be among them."""
        return self.rows[-1].similarity - SLACK if len(self.rows) == self.k else -np.inf

    def add(self, rows: Iterable[Found]) -> None:
        """Add rows, and keep the nearest."""
        ranked = sorted([*self.rows, *rows], key=lambda row: row.rank)
        if not self.windows:
            ranked = list({row.path: row for row in reversed(ranked)}.values())[::-1]
            ranked.sort(key=lambda row: row.rank)
        self.rows = ranked[: self.k]


def promising(
    scores: npt.NDArray[np.float32], tracks: npt.NDArray[np.integer] | None, k: int, floor: float
) -> npt.NDArray[np.intp]:
    """Indices of rows that may be among the k nearest, or be the nearest rows of the k nearest tracks.

    Args:
        scores: [n] similarities, -inf for rows that do not count.
        tracks: [n] increasing numbers, equal for rows of one track; None to rank single rows.
        k: number of rows or tracks wanted.
        floor: ``Best.floor`` so far.
    """
    if not len(scores):
        return np.empty(0, np.intp)
    peaks = scores
    if tracks is not None:
        peaks = np.maximum.reduceat(scores, np.flatnonzero(np.diff(tracks, prepend=tracks[0] - 1)))
    if len(peaks) > k:
        floor = max(floor, float(np.partition(peaks, -k)[-k]) - SLACK)
    return np.flatnonzero((scores >= floor) & (scores > -np.inf))
