"""Splits of items for training, for stopping and choosing settings, and for judging."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, held_out_groups

Rows = npt.NDArray[np.int64]

HELD_OUT = 5
"""Inverse share of training items for validation, if the data set does not prescribe them."""
SEED = 7


class Split(NamedTuple):
    """Indices of items."""

    train: Rows
    validation: Rows
    test: Rows


def splits_of(dataset: DataSet) -> list[Split]:
    """Official split, or one for each fold as the test; groups held out of training validate.

    Raises:
        InputError: a split is empty, a class has nothing to train or test on, or there are too few groups.
    """
    if dataset.folds:
        found = [_held_out(dataset, *_fold(dataset, fold)) for fold in dataset.folds]
    elif any(item.split == "validation" for item in dataset.items):
        found = [Split(*(dataset.split(name) for name in ("train", "validation", "test")))]
    else:
        found = [_held_out(dataset, dataset.split("train"), dataset.split("test"))]
    for split in found:
        _check(dataset, split)
    return found


def _fold(dataset: DataSet, fold: str) -> tuple[Rows, Rows]:
    others = dataset.rows(lambda item: item.split in dataset.folds and item.split != fold)
    if not len(others):
        raise InputError(f"data set {dataset.name!r} has one fold only, {fold}: cross-validation needs two")
    return others, dataset.split(fold)


def _held_out(dataset: DataSet, train: Rows, test: Rows) -> Split:
    groups = [dataset.items[i].group for i in train]
    held = held_out_groups(groups, 1 / HELD_OUT, SEED)
    validates = np.array([group in held for group in groups])
    large = dataset.problem == "class" and np.bincount(dataset.targets[train].astype(np.int64)).max() >= HELD_OUT
    if large and len(set(groups)) >= HELD_OUT:
        folds = StratifiedGroupKFold(HELD_OUT, shuffle=True, random_state=SEED)
        _, chosen = next(folds.split(train, dataset.targets[train], groups))
        validates = np.isin(np.arange(len(train)), chosen)
    return Split(train[~validates], train[validates], test)


def _check(dataset: DataSet, split: Split) -> None:
    """Raise InputError unless each class has positive training items, and all splits have something to judge by."""
    for name, rows in split._asdict().items():
        if not len(rows):
            raise InputError(f"data set {dataset.name!r} has nothing in its split {name!r}")
    lacking = [name for i, name in enumerate(dataset.classes) if not _trained(dataset, split.train, i)]
    if lacking:
        raise InputError(
            f"data set {dataset.name!r} has no positive training item of {', '.join(lacking)}: "
            "add some, or leave the class out"
        )
    for name, rows in (("validation", split.validation), ("test", split.test)):
        if dataset.problem == "tags" and not _rankable(dataset.targets[rows]):
            raise InputError(
                f"data set {dataset.name!r} has no tag in its split {name!r} that is there in one item and missing in "
                "another: nothing to judge by"
            )


def _trained(dataset: DataSet, rows: Rows, column: int) -> bool:
    targets = dataset.targets[rows]
    return bool((targets == column).any() if dataset.problem == "class" else (targets[:, column] == 1).any())


def _rankable(targets: npt.NDArray[np.floating | np.integer]) -> bool:
    return bool(((targets == 1).any(0) & (targets == 0).any(0)).any())
