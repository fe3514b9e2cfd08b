"""How well tags rank clips, label by label, over what is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Array = npt.NDArray[np.floating]


def label_figures(
    figure: Callable[[Array, Array], float], scores: Array, there: Array, known: Array
) -> dict[int, float]:
    """A figure of each label, over the clips where it is known; labels without both kinds of clips are left out."""
    figures = {}
    for label in range(there.shape[1]):
        sure = known[:, label] > 0
        if 0 < there[sure, label].sum() < sure.sum():
            figures[label] = float(figure(there[sure, label], scores[sure, label]))
    return figures


def mean_average_precision(scores: Array, there: Array, known: Array) -> float:
    """Macro average precision; all arrays [clips, labels]."""
    return float(np.mean(list(label_figures(average_precision_score, scores, there, known).values())))


def mean_roc_auc(scores: Array, there: Array, known: Array) -> float:
    """Macro area under the receiver operating characteristic; all arrays [clips, labels]."""
    return float(np.mean(list(label_figures(roc_auc_score, scores, there, known).values())))
