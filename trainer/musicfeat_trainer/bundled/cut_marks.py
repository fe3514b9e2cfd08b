"""Answers that a network of cuts is taught and judged by: a value for each place of its curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from musicfeat.curves import peaks
from musicfeat_trainer.bundled.splicing import Edited, Stretch

Floats = npt.NDArray[np.float32]
WHOLE = 0.1
"""Share of a place that may play the other way while the answer still counts."""
NEAR = 2
"""Places by which a found cut may be off: a tenth of a second."""
APART = 10
"""Least places between two peaks of a curve: half a second."""
LEAST_SCALE = 0.05
"""Least scale of calibrated logits: more evidence never means a lower probability."""


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


def judged(logits: Floats, cuts: Sequence[Sequence[int]]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Peaks of curves, whether a cut is near each, and the height at which each cut is found.

    Args:
        logits: [windows, T].
        cuts: places of the cuts in each window.

    Returns:
        Logit and truth of all peaks, and for each cut the logit of the highest peak near it (-inf: none).
    """
    heights, true, found = [], [], []
    for curve, places in zip(logits, cuts, strict=True):
        tops = [round(place) for place, _ in peaks(np.arange(len(curve), dtype=np.float64), curve, -np.inf, APART)]
        heights += [float(curve[top]) for top in tops]
        true += [any(abs(top - place) <= NEAR for place in places) for top in tops]
        found += [max((float(curve[t]) for t in tops if abs(t - place) <= NEAR), default=-np.inf) for place in places]
    return np.array(heights, np.float32), np.array(true, bool), np.array(found, np.float32)


def threshold(alarms: Floats, allowed: int) -> float:
    """Least height that at most ``allowed`` of the peaks on clean music exceed."""
    ranked = np.sort(alarms)[::-1]
    return float(ranked[allowed]) if allowed < len(ranked) else -np.inf


def calibration(logits: Floats, true: npt.ArrayLike) -> tuple[float, float]:
    """Scale and offset that turn logits into probabilities by a logistic function (Platt, 1999); no change if all or
    none are true.
    """
    from sklearn.linear_model import LogisticRegression

    answers = np.asarray(true) > 0
    if answers.all() or not answers.any():
        return 1.0, 0.0
    fitted = LogisticRegression(C=1e4).fit(logits[:, None], answers)
    return float(max(fitted.coef_[0, 0], LEAST_SCALE)), float(fitted.intercept_[0])


def calibration_error(probabilities: Floats, true: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error (Guo et al., 2017): mean distance of P from the share that is true, over bins of P."""
    number = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [abs(probabilities[number == b].sum() - true[number == b].sum()) for b in range(bins)]
    return float(sum(gaps) / max(1, len(probabilities)))
