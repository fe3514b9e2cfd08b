"""Findings in a recording: stretches that seem to play backwards, and splices.

Reversed stretches are read from the windows' ``reversal``. Cuts are read from the curves of models that have them;
for others the file is decoded again: a window's ``jigsaw`` looks at its own two joins, and a cut hardly ever falls
there.
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.extractor import Extractor
from musicfeat.features import Features
from musicfeat.finding import Finding, runs
from musicfeat.sound.arguments import PathLike

__all__ = ["Finding", "Track", "heard", "reversals", "splices", "suspicious"]

Doubles = npt.NDArray[np.float64]
ALIKE = 0.5
"""Correlation of the errors of two windows of a track; any number of them counts as 1 / ``ALIKE`` at most."""
REVERSED_PRIOR, BACKWARDS_PRIOR, CUT_PRIOR, JOIN_PRIOR = -2.0, -3.5, -2.5, -6.5
"""Prior log-odds that a track has a backward stretch, by its windows' ``reversal`` and by the curve ``backwards``, and
that a place has a cut, by the curve ``cut`` and, in models without curves, by ``successor``. All are rare: with each,
hardly any clean track has a finding of 0.5.
"""
LEAST = 0.5
"""Least probability at which the pages call a place suspicious."""
WHOLE = 0.9
"""Least share of a track that a stretch covers to count as the whole track."""


class Track(NamedTuple):
    """Rows of a file, as far as findings need them."""

    path: str
    duration: float
    rows: Doubles
    """[rows, 4]: number, start, end and reversal of each window."""
    edits: tuple[Finding, ...] = ()
    """What the curves of the whole track found, before any prior."""

    @property
    def starts(self) -> Doubles:
        """[rows] start of each window in seconds."""
        return self.rows[:, 1]

    @property
    def ends(self) -> Doubles:
        """[rows] end of each window in seconds."""
        return self.rows[:, 2]

    @property
    def reversal(self) -> Doubles:
        """[rows] P(plays backwards)."""
        return self.rows[:, 3]

    @property
    def whole(self) -> bool:
        """True if no row is missing."""
        return len(self.rows) == self.rows[:, 0].max() + 1 and bool(self.ends.max() >= self.duration - 1e-6)


def suspicious(path: PathLike, features: Features, extractor: Extractor, least: float) -> list[Finding]:
    """Findings in a file with these features, in time order; only models without curves decode it again, for cuts.

    Raises:
        AudioError: the file cannot be decoded any more.
    """
    rows = np.stack([np.arange(len(features)), features.starts, features.ends, features.reversal], axis=1)
    track = Track(os.fsdecode(path), float(features.ends[-1]), rows, tuple(features.edits(least)))
    found = reversals(track, extractor.window, least)
    found += heard(track, found, least)
    if features.cuts is None and "successor" in extractor.session.outputs and features.duration > extractor.window:
        found += splices(track.path, extractor, least)
    return sorted(found, key=lambda finding: finding.start)


def reversals(track: Track, window: float, least: float) -> list[Finding]:
    """Stretches of a track that play backwards; one finding for the whole track if it does so nearly everywhere.

    The log-odds of a stretch's windows are averaged, as in ``Features.reversed``, and weigh as much as one window
    or, in longer stretches, up to two; then ``REVERSED_PRIOR`` is added.
    """
    p = np.clip(track.reversal, 1e-4, 1 - 1e-4)
    gains = np.log(p / (1 - p))
    own = np.append(np.diff(track.starts), track.ends[-1] - track.starts[-1])
    sizes = np.where(gains == 0, 0, own / window)
    found = []
    for first, last in runs(gains * sizes):
        stretch = slice(first, last + 1)
        seen = max(1.0, sizes[stretch].sum())
        mean = float(np.average(gains[stretch], weights=sizes[stretch]))
        probability = _probability(mean * seen / (1 + ALIKE * (seen - 1)) + REVERSED_PRIOR)
        if probability >= least:
            whole = sizes[stretch].sum() >= WHOLE * sizes.sum()
            span = (0.0, track.duration) if whole else _curved(track, *_span(track, own, stretch), window)
            found.append(Finding("reversed", *span, probability))
    return found


def splices(path: str, extractor: Extractor, least: float) -> list[Finding]:
    """Cuts in a file, which is decoded for this.

    Raises:
        AudioError: the file cannot be decoded.
        ModelError: the model has no ``successor``.
    """
    prior = CUT_PRIOR if "cut" in extractor.session.outputs else JOIN_PRIOR
    cuts = extractor.continuity(path).edits(_probability(_log_odds(least) - prior))
    return [_under_prior(Finding("spliced", time, time, suspicion), prior) for time, suspicion in cuts]


def heard(track: Track, known: list[Finding], least: float) -> list[Finding]:
    """Findings of a track's curves under the priors, but for reversed stretches that meet one of ``known``."""
    found = []
    for curved in track.edits:
        edit = _under_prior(curved, CUT_PRIOR if curved.kind == "spliced" else BACKWARDS_PRIOR)
        twice = edit.kind == "reversed" and any(edit.start < one.end and one.start < edit.end for one in known)
        if edit.probability >= least and not twice:
            found.append(edit)
    return found


def _under_prior(edit: Finding, prior: float) -> Finding:
    """An edit with the probability that it has once the prior log-odds are counted."""
    return replace(edit, probability=_probability(_log_odds(edit.probability) + prior))


def _span(track: Track, own: Doubles, stretch: slice) -> tuple[float, float]:
    """Start and end of a stretch in seconds; overlapping windows count only for their middle."""
    last = stretch.stop - 1
    middle = (track.starts + track.ends) / 2
    start = middle[stretch.start] - own[stretch.start - 1] / 2 if stretch.start else 0.0
    return float(start), float(middle[last] + own[last] / 2 if stretch.stop < len(own) else track.duration)


def _curved(track: Track, start: float, end: float, window: float) -> tuple[float, float]:
    """Start and end of a stretch as the curves heard them, which is finer, where they are within half a window."""
    met = [edit for edit in track.edits if edit.kind == "reversed" and edit.start < end and start < edit.end]
    first, last = min((edit.start for edit in met), default=start), max((edit.end for edit in met), default=end)
    near = window / 2
    return first if abs(first - start) <= near else start, last if abs(last - end) <= near else end


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(probability: float) -> float:
    p = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(p / (1 - p))
