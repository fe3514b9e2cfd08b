"""Choice of the copy to keep, and of copies that can be deleted without loss."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import NamedTuple

from musicfeat.catalog.search.comparable import Track
from musicfeat.versions.likeness import Likeness

LOSSLESS = (
    *(".wav", ".wave", ".w64", ".rf64", ".bwf", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".flac", ".wv", ".tta", ".tak", ".ape", ".dsf"),
)
"""Suffixes of formats that are mostly lossless."""
LOST_SECONDS = 0.5
"""Seconds of its own sound, from edges and coding, that a copy may have and still be spare."""


class Quality(NamedTuple):
    """Quality of a file; a copy is spare only if none of these values exceeds that of the kept file."""

    lossless: bool
    sample_rate: int
    """Sample rate in Hz; 0 for lossy formats, where it is meaningless."""
    rate: int
    """Bytes a second, in steps of a factor of the square root of 2."""


def quality(track: Track) -> Quality:
    """Quality of a file by its name, size and length."""
    lossless = PurePath(track.path).suffix.lower() in LOSSLESS
    rate = round(2 * math.log2(max(1.0, track.size / max(track.length, 1e-3))))
    return Quality(lossless, track.sample_rate if lossless else 0, rate)


def rank(track: Track) -> tuple[object, ...]:
    """Sort key: the best file to keep first."""
    found = quality(track)
    return not found.lossless, -found.sample_rate, -found.rate, -track.length, -track.size, track.path


def spare(kept: Track, copy: Track, found: Likeness) -> bool:
    """True if a copy compared by sound holds nothing that the kept file lacks."""
    lost = (1 - found.share[1]) * copy.length
    no_better = all(ours >= theirs for ours, theirs in zip(quality(kept), quality(copy), strict=True))
    return found.same and lost <= LOST_SECONDS and no_better
