"""Finding: a suspicious place or stretch of a recording; and the stretches in which a sum of evidence is positive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
DROP = 2.0
"""Threshold that ends a stretch: the log-odds of the windows behind it sum to less than minus this."""


@dataclass(frozen=True)
class Finding:
    """A suspicious place or stretch in a track."""

    kind: Literal["reversed", "spliced"]
    start: float
    end: float
    """End in seconds, equal to the start for a splice. A stretch's bounds are mostly exact to a tenth of a second where
    a model has curves, else to about half a window.
    """
    probability: float
    channel: int | None = None
    """Number of the channel, from 1; None if all were heard as one."""

    def __str__(self) -> str:
        where = "" if self.channel is None else f" in channel {self.channel}"
        return f"{self.kind} {self.probability:.2f}{where}"


def runs(gains: Doubles) -> Iterator[tuple[int, int]]:
    """First and last number of each stretch with a positive sum of gains, ended where the sum is greatest."""
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
