"""Label budgets: a few labelled items of each class, or a share of all; stratified, and nested in each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet

Rows = npt.NDArray[np.int64]

SEED = 7


@dataclass(frozen=True)
class Budget:
    """Number of labelled items of each class, or a share of them; with neither, all."""

    per_class: int | None = None
    share: float | None = None
    draws: int = 1
    """Number of times that the items are drawn anew, since a figure depends on which few labels there are."""

    def of(self, labelled: int) -> int:
        """Number of items that the budget allows of a class with ``labelled`` ones."""
        if self.share is not None:
            return max(1, round(self.share * labelled))
        return labelled if self.per_class is None else self.per_class


def parse_budget(text: str) -> Budget:
    """Budget from text: ``10`` items of each class, ``1%`` of all, ``10%x5`` in five draws, or ``full``.

    Raises:
        InputError: the text is none of these.
    """
    if text == "full":
        return Budget()
    found = re.fullmatch(r"((?P<count>[1-9]\d*)|(?P<share>\d+(\.\d+)?)%)(x(?P<draws>[1-9]\d*))?", text)
    draws = int(found["draws"] or 1) if found else 1
    if found and found["count"]:
        return Budget(per_class=int(found["count"]), draws=draws)
    if found and 0 < float(found["share"]) <= 100:
        return Budget(share=float(found["share"]) / 100, draws=draws)
    raise InputError(
        f"no label budget {text!r}: a number of items of each class (10), a share (1%), either in several draws "
        f"(10%x5), or full"
    )


def budgeted(dataset: DataSet, rows: Rows, budget: Budget, draw: int = 0) -> Rows:
    """Items among ``rows`` whose labels a budget allows, in order.

    All budgets walk one random order of the items in each draw, so that a smaller budget is part of a larger one. For
    tags, N items of a class are N known answers, there and missing in the proportion of the class; an item that one
    class draws brings its other answers along, so there are fewer items than N times the classes (Addepalli et al.,
    2019, section 7: 7,000 items for 500 of each of 20).

    Raises:
        InputError: a class has fewer labelled items than the budget asks for, or numbers have no classes to count.
    """
    order = np.random.default_rng(SEED + draw).permutation(np.sort(rows))
    if budget.per_class is None and budget.share is None:
        return np.sort(rows)
    if dataset.problem == "number":
        if budget.per_class:
            raise InputError(f"{dataset.name!r} is about numbers, not classes: give label budgets as shares (10%)")
        return np.sort(order[: budget.of(len(order))])
    chosen = [_of_class(dataset, order, column, budget) for column in range(len(dataset.classes))]
    return np.unique(np.concatenate(chosen))


def _of_class(dataset: DataSet, order: Rows, column: int, budget: Budget) -> Rows:
    labels = dataset.targets[order]
    labels = (labels == column) * 1.0 if dataset.problem == "class" else labels[:, column]
    there, missing = order[labels == 1], order[labels == 0]
    labelled = len(there) + (len(missing) if dataset.problem == "tags" else 0)
    count = budget.of(labelled)
    if count > labelled:
        raise InputError(
            f"a budget of {count} items of each class, but {dataset.classes[column]!r} has {labelled} labelled ones "
            f"to train on: choose a smaller budget, or full"
        )
    positive = min(count, max(1, round(count * len(there) / labelled)))
    return np.concatenate([there[:positive], missing[: count - positive]])
