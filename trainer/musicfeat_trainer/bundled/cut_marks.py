"""Answers that a network of cuts is taught and judged by: a value for each place of its curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.curves import peaks
from musicfeat_trainer.bundled.splicing import Edited, Stretch

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int_]
WHOLE = 0.1
"""Share of a place that may play the other way while the answer still counts."""
NEAR = 2
"""Places by which a found cut may be off: a tenth of a second."""
APART = 10
"""Least places between two peaks of a curve: half a second."""
LEAST_SCALE = 0.05
"""Least weight of a network's logits: more evidence never means a lower probability."""


def cut_marks(edited: Edited, places: int) -> tuple[Floats, Floats]:
    """Whether each place has a cut, and whether its answer counts: two of [places].

    A cut belongs to the place of its middle. Neighbours, and other places within a crossfade, do not count.
    """
    there, counts, step = np.zeros(places, np.float32), np.ones(places, np.float32), len(edited.wave) / places
    for start, stop in (*edited.cuts, *edited.unsure):
        counts[max(0, int(start / step) - 1) : int(stop / step) + 2] = 0
    for place in middles(edited.cuts, step):
        if place < places:
            there[place] = counts[place] = 1
    return there, counts


def middles(cuts: Iterable[Stretch], step: float) -> list[int]:
    """Place of the middle of each cut, ``step`` samples apart."""
    return [int((start + stop) / 2 / step) for start, stop in cuts]


def backwards_marks(edited: Edited, places: int) -> tuple[Floats, Floats]:
    """Whether each place plays backwards, and whether its answer counts: two of [places]."""
    edges, heard = np.linspace(0, len(edited.wave), places + 1), np.zeros(places)
    for start, stop in edited.backwards:
        heard += np.clip(np.minimum(stop, edges[1:]) - np.maximum(start, edges[:-1]), 0, None)
    share = heard / np.diff(edges)
    clear = (share <= WHOLE) | (share >= 1 - WHOLE)
    return (share > 0.5).astype(np.float32), (clear & (not edited.mixed)).astype(np.float32)


class Judged(NamedTuple):
    """Peaks of curves, whether a cut is near each, and the height at which each cut is found."""

    windows: Places
    """Window of each peak."""
    places: Places
    """Place of each peak in its window."""
    true: npt.NDArray[np.bool_]
    found: Floats
    """For each cut the height of the highest peak near it, -inf for none."""

    def heights(self, curves: Floats) -> Floats:
        """Value of each peak in curves of the same windows, [windows, T]."""
        return np.asarray(curves[self.windows, self.places], np.float32)


def judged(curves: Floats, cuts: Sequence[Sequence[int]]) -> Judged:
    """Peaks of curves [windows, T], beside the places of the cuts in each window."""
    rows, places, true, found = list[int](), list[int](), list[bool](), list[float]()
    for row, (curve, known) in enumerate(zip(curves, cuts, strict=True)):
        tops = [round(place) for place, _ in peaks(np.arange(len(curve), dtype=np.float64), curve, -np.inf, APART)]
        rows += [row] * len(tops)
        places += tops
        true += [any(abs(top - place) <= NEAR for place in known) for top in tops]
        found += [max((float(curve[t]) for t in tops if abs(t - place) <= NEAR), default=-np.inf) for place in known]
    return Judged(np.array(rows, int), np.array(places, int), np.array(true, bool), np.array(found, np.float32))


def threshold(alarms: Floats, allowed: int) -> float:
    """Least height that at most ``allowed`` of the peaks on clean music exceed."""
    ranked = np.sort(alarms)[::-1]
    return float(ranked[allowed]) if allowed < len(ranked) else -np.inf


def calibration(evidence: Floats, true: npt.ArrayLike) -> list[float]:
    """Weights of each kind of evidence, [n, kinds], and an offset, which turn it into log-odds by a logistic regression
    (Platt, 1999); the first kind as it is if all or none are true.
    """
    from sklearn.linear_model import LogisticRegression

    answers, kinds = np.asarray(true) > 0, evidence.shape[1]
    if answers.all() or not answers.any():
        return [1.0, *[0.0] * kinds]
    fitted = LogisticRegression(C=1e4).fit(evidence, answers)
    first, *others = fitted.coef_[0].tolist()
    return [max(first, LEAST_SCALE), *(max(other, 0.0) for other in others), float(fitted.intercept_[0])]


def calibration_error(probabilities: Floats, true: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error (Guo et al., 2017): mean distance of P from the share that is true, over bins of P."""
    number = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [abs(probabilities[number == b].sum() - true[number == b].sum()) for b in range(bins)]
    return float(sum(gaps) / max(1, len(probabilities)))
