"""Confusion matrices of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from musicfeat_trainer.pictures.style import label, save

COUNTED = 24
"""Greatest number of classes with counts in their cells; more would be too small to read."""


def draw_confusion(
    truth: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], classes: Sequence[str], path: Path
) -> None:
    """Draw a heat map with a row for each true class, which sums to one, and counts in the cells of few classes.

    Args:
        truth: indices into ``classes``, [n].
        predicted: indices into ``classes``, [n].
        classes: their names.
        path: path of the PNG.
    """
    from musicfeat_trainer.pictures.figures import Figure

    counts = confusion_matrix(truth, predicted, labels=np.arange(len(classes)))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = 0.45 if len(classes) <= COUNTED else 0.24
    side = cell * len(classes)
    figure = Figure(figsize=(max(side, 2) + 3, max(side, 2) + 1.8), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [label(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(xlabel="predicted", ylabel="true")
    if len(classes) <= COUNTED:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    figure.colorbar(picture, label="share of the true class", shrink=0.8)
    save(figure, path)
