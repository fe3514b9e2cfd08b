"""Which of several copies is worth keeping, and what could be deleted without loss."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import NamedTuple

from musicfeat.catalog.search.comparable import Track
from musicfeat.compare.likeness import Likeness

LOSSLESS = (
    *(".wav", ".wave", ".w64", ".rf64", ".bwf", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".flac", ".wv", ".tta", ".tak", ".ape", ".dsf"),
)
"""Suffixes of what is mostly stored without loss."""
LOST_SECONDS = 0.5
"""So much of its sound may a copy have alone, edges and coders' doubts, and still be to spare."""


class Quality(NamedTuple):
    """How well a file keeps a recording; a copy is to spare only if none of these is greater than in what is kept."""

    lossless: bool
    sample_rate: int
    """Hz, 0 where coding with loss makes it meaningless."""
    rate: int
    """Bytes a second, in steps of a factor of the square root of 2."""


def quality(track: Track) -> Quality:
    """What name, size and length of a file tell of its quality."""
    lossless = PurePath(track.path).suffix.lower() in LOSSLESS
    rate = round(2 * math.log2(max(1.0, track.size / max(track.length, 1e-3))))
    return Quality(lossless, track.sample_rate if lossless else 0, rate)


def rank(track: Track) -> tuple[object, ...]:
    """Sorts what is best to keep to the front."""
    found = quality(track)
    return not found.lossless, -found.sample_rate, -found.rate, -track.length, -track.size, track.path


def spare(kept: Track, copy: Track, found: Likeness) -> bool:
    """Whether a copy that was listened to holds nothing that the kept file lacks."""
    lost = (1 - found.share[1]) * copy.length
    no_better = all(ours >= theirs for ours, theirs in zip(quality(kept), quality(copy), strict=True))
    return found.same and lost <= LOST_SECONDS and no_better
