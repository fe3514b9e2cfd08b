"""Curves of precision against recall, class by class (as Addepalli et al., 2019, figure 9, and table 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_curve

from musicfeat.errors import InputError
from musicfeat_trainer.pictures.style import COLOURS, label, save

Array = npt.NDArray[np.floating]
COLUMNS = 5
MOST = 50
"""Greatest number of classes in a picture."""


class Curve(NamedTuple):
    """Curve of one class: points from the highest recall down, average precision, and the share of positives."""

    recall: Array
    precision: Array
    average: float
    chance: float


def pr_curve(truth: Array, scores: Array) -> Curve | None:
    """Curve of one class over the clips where it is known.

    Args:
        truth: [n], 1 there, 0 missing, NaN unknown.
        scores: [n], higher is surer.

    Returns:
        The curve; None if the known clips are not of both kinds.
    """
    sure = ~np.isnan(truth)
    truth, scores = truth[sure], scores[sure]
    if not 0 < truth.sum() < len(truth):
        return None
    precision, recall, _ = precision_recall_curve(truth, scores)
    return Curve(recall, precision, float(average_precision_score(truth, scores)), float(truth.mean()))


def draw_pr_curves(truth: Array, scores: Array, classes: Sequence[str], path: Path) -> None:
    """Draw a grid of curves with the average precision in the titles; dotted is chance, the share of positives.

    Args:
        truth: [n, classes], 1 there, 0 missing, NaN unknown.
        scores: [n, classes].
        classes: their names; the ``MOST`` with most positives are drawn, except those without positives or negatives.
        path: path of the PNG.

    Raises:
        InputError: no class has both positives and negatives.
    """
    from musicfeat_trainer.pictures.figures import Figure

    found = [pr_curve(truth[:, i], scores[:, i]) for i in range(len(classes))]
    common = sorted(np.argsort(-np.nansum(truth, axis=0), kind="stable")[:MOST])
    curves = [(classes[i], curve) for i in common if (curve := found[i])]
    if not curves:
        raise InputError("no class has both positive and negative clips: there is no precision to draw")
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = Figure(figsize=(0.7 + 2.1 * columns, 0.7 + 2.2 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, curve) in zip(grid.flat, curves, strict=False):
        axes.step(curve.recall, curve.precision, where="post", color=COLOURS[0])
        axes.axhline(curve.chance, color=COLOURS[1], linestyle=":")
        axes.set_title(f"{label(name)}\nAP {curve.average:.2f}", fontsize=9)
        axes.set(xlim=(0, 1), ylim=(0, 1.03), xticks=(0, 0.5, 1))
        axes.grid(alpha=0.3)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision (dotted: chance)", fontsize=9)
    save(figure, path)
