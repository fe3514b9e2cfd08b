"""Figures of held-out predictions: for classes, for tags that may be unknown, for numbers, and rank@100."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
)

Array = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

OTHERS = 99
NAMES_OF_EACH = ("precision", "recall", "f1", "support")


def class_figures(truth: Labels, guessed: Labels, classes: int) -> dict[str, float]:
    """Micro accuracy, which equals micro F1 for one class an item, and macro F1; both arrays [n]."""
    macro = f1_score(truth, guessed, labels=range(classes), average="macro", zero_division=0)
    micro = f1_score(truth, guessed, labels=range(classes), average="micro", zero_division=0)
    return {"accuracy": float(accuracy_score(truth, guessed)), "micro_f1": float(micro), "macro_f1": float(macro)}


def each_class(truth: Labels, guessed: Labels, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and number of items of each class; 0 where a class is never guessed."""
    columns = precision_recall_fscore_support(truth, guessed, labels=range(len(classes)), zero_division=0)
    rows = np.stack(columns, axis=1).tolist()
    return {name: dict(zip(NAMES_OF_EACH, row, strict=True)) for name, row in zip(classes, rows, strict=True)}


def tag_rankings(targets: Array, scores: Array) -> dict[str, float]:
    """ROC AUC and average precision (PR AUC), macro over tags and over clips.

    Args:
        targets: [n, tags], 1 there, 0 missing, NaN unknown.
        scores: [n, tags], higher is surer.

    Tags (and clips, in the figures over clips) without known answers of both kinds are left out.
    """
    there, known = np.nan_to_num(targets), ~np.isnan(targets)
    return {
        "roc_auc_tag": mean_roc_auc(scores, there, known),
        "pr_auc_tag": mean_average_precision(scores, there, known),
        "roc_auc_clip": mean_roc_auc(scores.T, there.T, known.T),
        "pr_auc_clip": mean_average_precision(scores.T, there.T, known.T),
    }


def tag_decisions(targets: Array, decided: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy and micro F1 over all known answers, and macro F1 over tags that are there somewhere; [n, tags]."""
    known = ~np.isnan(targets)
    macro = [row["f1"] for row in each_tag(targets, decided, range(targets.shape[1])).values() if row["support"]]
    return {
        "accuracy": float(accuracy_score(targets[known], decided[known])),
        "micro_f1": float(f1_score(targets[known], decided[known], zero_division=0)),
        "macro_f1": float(np.mean(macro)),
    }


def each_tag(
    targets: Array, decided: npt.NDArray[np.bool_], tags: Sequence[str] | range
) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and number of positive clips of each tag, over its known answers."""
    figures = {}
    for column, tag in enumerate(tags):
        known = ~np.isnan(targets[:, column])
        truth, guessed = targets[known, column].astype(bool), decided[known, column]
        row = precision_recall_fscore_support(truth, guessed, average="binary", zero_division=0)[:3]
        values = (*map(float, row), float(truth.sum()))
        figures[str(tag)] = dict(zip(NAMES_OF_EACH, values, strict=True))
    return figures


def number_figures(truth: Array, guessed: Array) -> dict[str, float]:
    """Mean absolute error, R squared, and shares within 4 and 8 % of the truth (usual for tempi); both arrays [n]."""
    return {
        "mae": float(mean_absolute_error(truth, guessed)),
        "r2": float(r2_score(truth, guessed)),
        "within_4_percent": share_within(truth, guessed, 0.04),
        "within_8_percent": share_within(truth, guessed, 0.08),
    }


def share_within(truth: Array, guessed: Array, tolerance: float) -> float:
    """Share of guesses within ``tolerance`` times the truth of it; octave errors of tempi count as errors."""
    return float(np.mean(np.abs(guessed - truth) <= tolerance * np.abs(truth)))


def label_figures(
    figure: Callable[[Array, Array], float], scores: Array, there: Array, known: Array
) -> dict[int, float]:
    """Figures by label, over the clips where it is known; labels without both kinds of clips are left out."""
    figures = {}
    for label in range(there.shape[1]):
        sure = known[:, label] > 0
        if 0 < there[sure, label].sum() < sure.sum():
            figures[label] = float(figure(there[sure, label], scores[sure, label]))
    return figures


def mean_average_precision(scores: Array, there: Array, known: Array) -> float:
    """Macro average precision; all arrays [clips, labels]. NaN if every label is left out."""
    return _mean(label_figures(average_precision_score, scores, there, known))


def mean_roc_auc(scores: Array, there: Array, known: Array) -> float:
    """Macro area under the receiver operating characteristic; arguments and NaN as for ``mean_average_precision``."""
    return _mean(label_figures(roc_auc_score, scores, there, known))


def agreement_with_teachers(tags: Array, said: Array, percentile: float = 95.0) -> float:
    """Mean ROC AUC over labels; a label counts as there if its teacher's probability is above its percentile.

    Args:
        tags: [n, labels], tags of the model.
        said: [n, labels], tags of the teachers, NaN where a clip was not heard.
        percentile: percentile of each label's probabilities over all clips.
    """
    heard = ~np.isnan(said).any(axis=1)
    there = (said[heard] > np.percentile(said[heard], percentile, axis=0)).astype(np.float64)
    return mean_roc_auc(tags[heard], there, np.ones_like(there))


def _mean(figures: dict[int, float]) -> float:
    return float(np.mean(list(figures.values()))) if figures else float("nan")


def neighbour_ranks(
    embeddings: npt.NDArray[np.floating], tracks: npt.NDArray[np.integer], seed: int = 7, *, standardised: bool = True
) -> npt.NDArray[np.int64]:
    """Rank of each clip's successor among ``OTHERS`` clips of other tracks, 1 the best (Gururani et al., 2019).

    Args:
        embeddings: [n, D] of back-to-back clips in the order of their tracks.
        tracks: track of each clip, [n].
        seed: seed of the drawing of others.
        standardised: True to standardise embeddings over the set first, which the paper does not do.

    Returns:
        Ranks [pairs] of pairs of neighbours. Vectors are compared by cosine; ties count against the successor. If there
        are too few others, fewer are drawn, and the rank is scaled up to ``OTHERS``.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    if standardised:
        x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    generator = np.random.default_rng(seed)
    ranks = []
    for i in np.flatnonzero(tracks[:-1] == tracks[1:]):
        others = np.flatnonzero(tracks != tracks[i])
        drawn = generator.choice(others, min(OTHERS, len(others)), replace=False)
        nearer = (x[drawn] @ x[i] >= x[i + 1] @ x[i]).mean()
        ranks.append(1 + round(nearer * OTHERS))
    return np.array(ranks, dtype=np.int64)


def arithmetic_and_geometric(ranks: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Arithmetic and geometric mean of ranks."""
    return float(ranks.mean()), float(np.exp(np.log(ranks).mean()))
