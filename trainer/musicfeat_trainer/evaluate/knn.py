"""Nearest neighbours by cosine, their number chosen by cross-validation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat_trainer.evaluate.splits import Split
from musicfeat_trainer.evaluate.tasks import Array, Targets, Task

NUMBERS = (1, 3, 5, 10, 18, 20, 35, 50, 100, 200)
"""Numbers of neighbours to choose from; the thesis of Berkeley (2022) ended with 18, 35 and 200."""
CHUNK = 1024
"""Number of items whose neighbours are searched at a time."""

Votes = dict[int, Array]
"""Means [n, outputs] by the number of neighbours."""


def neighbours_voted(
    features: npt.NDArray[np.float32], targets: Targets, split: Split, task: Task, groups: npt.NDArray[np.int64]
) -> Array:
    """Predictions for the test items, [n, outputs]: means of the known answers of the nearest training items.

    The number of neighbours is chosen on the training items alone, each judged by neighbours of other groups.

    Args:
        features: [items, D]; compared by cosine as they are.
        targets: targets of all items, as ``DataSet.targets``.
        split: items that train and test.
        task: task of the data set.
        groups: group of each item, [items].
    """
    unit = torch.nn.functional.normalize(torch.from_numpy(features), dim=1)
    train, test, known = unit[split.train], unit[split.test], task.votes(targets[split.train])
    of_train = torch.from_numpy(groups[split.train])
    reached = {
        k: task.figure(targets[split.train], scores)
        for k, scores in _voted(train, train, known, (of_train, of_train)).items()
    }
    best = max(reached, key=lambda k: (np.nan_to_num(reached[k], nan=-np.inf), -k))
    return _voted(test, train, known)[best]


def _voted(queries: Tensor, keys: Tensor, values: Array, groups: tuple[Tensor, Tensor] | None = None) -> Votes:
    """Means as from ``votes``, in bounded memory; given ``groups`` of queries and keys, only across groups."""
    parts = []
    for rows in torch.arange(len(queries)).split(CHUNK):
        similarity = queries[rows] @ keys.T
        if groups:
            similarity[groups[0][rows, None] == groups[1]] = -torch.inf
        parts.append(votes(similarity, values))
    return {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}


def votes(similarity: Tensor, values: Array) -> Votes:
    """Means over the nearest neighbours, for each of ``NUMBERS`` up to the number of neighbours.

    Args:
        similarity: [n, m], -inf for pairs that are not to be neighbours.
        values: [m, outputs], NaN where unknown; such neighbours are skipped.

    Returns:
        [n, outputs] for each number; 1/2 where there is no neighbour.
    """
    patterns, pattern_of = np.unique(np.isnan(values), axis=1, return_inverse=True)
    numbers = [k for k in NUMBERS if k <= len(values)]
    found = {k: np.full((len(similarity), values.shape[1]), 0.5) for k in numbers}
    for number, unknown in enumerate(patterns.T):
        columns = np.flatnonzero(pattern_of.ravel() == number)
        for k, means in _means(similarity[:, ~unknown], values[~unknown][:, columns], numbers).items():
            found[k][:, columns] = means
    return found


def _means(similarity: Tensor, values: Array, numbers: list[int]) -> Votes:
    if not len(values):
        return {}
    nearest = similarity.topk(min(numbers[-1], len(values)), dim=1)
    there = nearest.values.isfinite().double()[..., None]
    sums = (torch.from_numpy(values)[nearest.indices] * there).cumsum(1)
    means = torch.where(there.cumsum(1) > 0, sums / there.cumsum(1).clamp(min=1), 0.5)
    return {k: means[:, min(k, means.shape[1]) - 1].numpy() for k in numbers}
