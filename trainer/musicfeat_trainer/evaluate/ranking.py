"""Rank of an item's next clip among clips of other items: rank@100 of Gururani et al. (2019), section 3.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.evaluate.control import calibrated
from musicfeat_trainer.evaluate.downstream import Outcome, Statistics
from musicfeat_trainer.evaluate.features import clip_embeddings
from musicfeat_trainer.evaluate.intervals import interval
from musicfeat_trainer.evaluate.items import ItemClips, Rows, as_read
from musicfeat_trainer.evaluate.metrics import OTHERS, arithmetic_and_geometric, neighbour_ranks
from musicfeat_trainer.method.method import Method

RANKS = ("rank_am", "rank_gm")
CHANCE = dict(zip(RANKS, arithmetic_and_geometric(np.arange(1, OTHERS + 2)), strict=True))
"""Means of ranks that are all equally likely."""


def ranked(
    method: Method, dataset: DataSet, store: Path, device: str = "cpu", statistics: Statistics = "training"
) -> Outcome:
    """Arithmetic and geometric mean of the rank of a clip's successor, from 1, among 99 clips of other items.

    Vectors are compared by cosine as they are. Labels are not needed. Sets with folds are judged whole, others on
    their test split.

    Raises:
        InputError: the test split is empty, or has no two items one of which lasts two clips.
    """
    if statistics == "training":
        method = _calibrated(method, dataset, store)
    _, clips = as_read(method, dataset, store, None if dataset.folds else dataset.split("test"))
    numbers = apart(clips)
    owners = clips.owners[numbers]
    if not (owners[1:] == owners[:-1]).any() or len(set(owners)) < 2:
        raise InputError(f"data set {dataset.name!r}: rank@100 needs two items, and one that lasts two clips")
    vectors = clip_embeddings(method, clips, numbers, device).numpy()
    ranks = neighbour_ranks(vectors, owners, standardised=False)
    of_pair = owners[:-1][owners[1:] == owners[:-1]]
    figures = dict(zip(RANKS, arithmetic_and_geometric(ranks), strict=True))
    sure = {
        name: interval(lambda rows, i=i: arithmetic_and_geometric(ranks[rows])[i], of_pair)  # type: ignore[misc]
        for i, name in enumerate(RANKS)
    }
    return Outcome(figures, CHANCE, [figures], {}, np.zeros(0, np.int64), np.zeros((0, 0)), sure)


def _calibrated(method: Method, dataset: DataSet, store: Path) -> Method:
    """Method with batch statistics of items that are not ranked, or its own ones for sets with folds, all ranked."""
    train = np.zeros(0, np.int64) if dataset.folds else dataset.rows(lambda item: item.split == "train")
    if not len(train):
        return method
    found, clips = as_read(method, dataset, store, train)
    return calibrated(method, clips, np.arange(len(found.items)))


def apart(clips: ItemClips) -> Rows:
    """Full clips that do not overlap the one before, since overlap would give neighbours away."""
    last, found = (-1, 0), []
    for number, (_, begin, end) in enumerate(clips.places):
        overlaps = last[0] == clips.owners[number] and begin < last[1]
        if end - begin == clips.frames and not overlaps:
            found.append(number)
        last = (clips.owners[number], end)
    return np.array(found, dtype=np.int64)
