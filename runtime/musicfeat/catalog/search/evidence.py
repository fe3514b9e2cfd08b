"""How alike two tracks must be to pass as one recording, by how much of them was compared and how varied it is.

Two stretches of one noise, one loop or one tone are as alike as copies. So an alignment is held against itself moved
by two windows, b being the mean cosine there: what any two moments of these tracks have in common. Copies must go
on from b towards 1 by a share that shrinks with the number n of windows, b + (1 - b) max(beyond, few / n), and reach
at least ``long``. A single window has nothing to be held against, and must reach ``one``. The bounds are fitted to a
model by ``benchmarks/catalog/duplicates.py --fit``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from musicfeat.catalog.search.alignment import Aligned

FILE = Path(__file__).with_name("duplicates.json")
FEW = 3
"""Windows below which a track of which only the pooled embedding is stored counts as one window."""
UNIFORM, UNIFORM_SHARE = 0.6, 0.45
"""From this cosine of other moments, tracks are as uniform as slow noise, whose chance agreement is greater."""
LIKE_NOISE = 0.9
"""Cosine from which a pair is worth listening to whatever stands beside it."""


@dataclass(frozen=True)
class Bounds:
    """Cosines from which tracks pass as one recording, and shares of the way to 1."""

    model: str
    """What they were fitted to."""
    one: float
    """Cosine of a single window."""
    long: float
    """Cosine of many windows, at least."""
    beyond: float
    """Share of many windows, at least."""
    few: float
    """Share of n windows, times n."""
    track: float
    """Cosine of pooled embeddings of long tracks, where nothing else is stored."""


@cache
def bounds() -> Bounds:
    """The bounds in use."""
    return Bounds(**json.loads(FILE.read_text(encoding="utf-8")))


def needed(windows: int, beside: float) -> float:
    """The mean cosine that so many windows must reach, beside such ones that play other moments."""
    if windows < 2:
        return bounds().one
    return max(bounds().long, beside + (1 - beside) * _share(windows, beside))


def needed_pooled(seconds: float, window: float) -> float:
    """The cosine that pooled embeddings of so long tracks must reach."""
    return bounds().track if seconds >= FEW * window else bounds().one


def doubtful(found: Aligned, least: float) -> bool:
    """Whether a pair that falls short of ``least`` is worth listening to."""
    lowest = max(0.8 * bounds().long, found.beside + (1 - found.beside) * _share(found.windows, found.beside) / 2)
    return found.similarity >= min(LIKE_NOISE, (lowest if found.windows > 1 else (bounds().long + least) / 2))


def _share(windows: int, beside: float) -> float:
    return max(bounds().beyond, bounds().few / windows, UNIFORM_SHARE if beside > UNIFORM else 0.0)
