"""Similarity that two tracks must reach to pass as one recording, by the length compared and its variety.

Two stretches of one noise, one loop or one tone are as alike as copies. So an alignment is compared with itself moved
by two windows; the mean cosine b there is that of any two moments of these tracks. Copies must exceed b by a share of
the way to 1 that shrinks with the number n of windows, b + (1 - b) max(beyond, few / n), and reach at least ``long``.
A single window has no such comparison, and must reach ``one``. The bounds are fitted to a
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
"""Number of windows below which the pooled embedding of a track counts as that of one window."""
UNIFORM, UNIFORM_SHARE = 0.6, 0.45
"""Cosine of other moments above which tracks are as uniform as slow noise, and the share that they must reach."""
LIKE_NOISE = 0.9
"""Cosine from which a pair is always worth comparing by sound."""


@dataclass(frozen=True)
class Bounds:
    """Least cosines of tracks that pass as one recording, and shares of the way to 1."""

    model: str
    """Model to which they were fitted."""
    one: float
    """Cosine of a single window."""
    long: float
    """Least cosine of many windows."""
    beyond: float
    """Least share for many windows."""
    few: float
    """Share for n windows, times n."""
    track: float
    """Cosine of pooled embeddings of long tracks, if nothing else is stored."""


@cache
def bounds() -> Bounds:
    """The bounds in use."""
    return Bounds(**json.loads(FILE.read_text(encoding="utf-8")))


def needed(windows: int, elsewhere: float) -> float:
    """Least mean cosine of this many windows in copies, given that of windows that play other moments."""
    if windows < 2:
        return bounds().one
    return max(bounds().long, elsewhere + (1 - elsewhere) * _share(windows, elsewhere))


def needed_pooled(seconds: float, window: float) -> float:
    """Least cosine of pooled embeddings in copies of this length."""
    return bounds().track if seconds >= FEW * window else bounds().one


def doubtful(found: Aligned, pooled: float, least: float) -> bool:
    """True if a pair below ``least``, with this cosine of the pooled embeddings, is worth comparing by sound."""
    if found.windows < FEW and max(found.similarity, pooled) >= (bounds().long + bounds().one) / 2:
        return True
    above = (1 - found.elsewhere) * _share(found.windows, found.elsewhere) / 2
    lowest = max(0.8 * bounds().long, found.elsewhere + above)
    return found.similarity >= min(LIKE_NOISE, lowest if found.windows > 1 else least)


def _share(windows: int, elsewhere: float) -> float:
    return max(bounds().beyond, bounds().few / windows, UNIFORM_SHARE if elsewhere > UNIFORM else 0.0)
