"""How well a method's network serves a labelled data set: probe, fine-tuning or neighbours, within a label budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.evaluate.budgets import Budget, budgeted
from musicfeat_trainer.evaluate.features import embeddings
from musicfeat_trainer.evaluate.finetune import fine_tuned
from musicfeat_trainer.evaluate.fitting import Fitting
from musicfeat_trainer.evaluate.items import as_read
from musicfeat_trainer.evaluate.knn import neighbours_voted
from musicfeat_trainer.evaluate.probe import probed
from musicfeat_trainer.evaluate.splits import Split, splits_of
from musicfeat_trainer.evaluate.tasks import Array, EachClass, Task, task_of
from musicfeat_trainer.method.method import Method

Way = Literal["probe", "finetune", "knn"]
WAYS: tuple[Way, ...] = ("probe", "finetune", "knn")


@dataclass(frozen=True)
class Outcome:
    """Predictions of all items that were tested, and their figures; those are means over folds."""

    figures: Mapping[str, float]
    chance: Mapping[str, float]
    folds: Sequence[Mapping[str, float]]
    each: EachClass
    """Precision, recall, F1 and support of each class over all items tested."""
    rows: npt.NDArray[np.int64]
    """The places in the data set of the items tested."""
    scores: Array
    """[rows, outputs]: probabilities of classes or tags, or numbers."""


class Subject:
    """A method's network, trained or a control, before a data set.

    Args:
        method: the network.
        dataset: with labels.
        store: where decoded audio is kept.
        device: where the network runs.

    Raises:
        InputError: a set without labels, without items in a split, or that the method cannot read.
    """

    def __init__(self, method: Method, dataset: DataSet, store: Path, device: str = "cpu") -> None:
        task_of(dataset, dataset.rows(lambda _: True))
        self.method, self.device = method, device
        self.dataset, self.clips = as_read(method, dataset, store)
        self.splits = splits_of(self.dataset)
        groups = [item.group for item in self.dataset.items]
        self.groups: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]

    @cached_property
    def features(self) -> npt.NDArray[np.float32]:
        """Frozen embeddings of all items, [items, D]."""
        return embeddings(self.method, self.clips, self.device)

    def within(self, budget: Budget) -> list[Split]:
        """The splits with as many training items as a budget allows; validation and test are whole.

        Raises:
            InputError: a class has fewer than the budget asks for.
        """
        return [split._replace(train=budgeted(self.dataset, split.train, budget)) for split in self.splits]


def evaluate(
    subject: Subject, way: Way, budget: Budget | None = None, config: Fitting | None = None, *, hidden: bool = False
) -> Outcome:
    """Learn from the training items of each fold, choose and stop by its validation items, and judge on its test.

    Args:
        subject: what is judged on what.
        way: how.
        budget: of training labels; None: all.
        config: how layers and networks are trained.
        hidden: whether the probe has two hidden layers.

    Raises:
        InputError: a budget larger than a class.
    """
    config = config or Fitting()
    outcomes, rows, scores = [], [], []
    dataset = subject.dataset
    for split in subject.within(budget or Budget()):
        task, truth = task_of(dataset, split.train, config.tag_loss), dataset.targets[split.test]
        found = _predicted(subject, way, split, task, config, hidden)
        outcomes.append((task.figures(truth, found), task.chance(truth)))
        rows.append(split.test)
        scores.append(found)
    tested, every = np.concatenate(rows), np.concatenate(scores)
    figures, chance = ([fold[i] for fold in outcomes] for i in range(2))
    return Outcome(_mean(figures), _mean(chance), figures, task.each(dataset.targets[tested], every), tested, every)


def _predicted(subject: Subject, way: Way, split: Split, task: Task, config: Fitting, hidden: bool) -> Array:
    targets = subject.dataset.targets
    if way == "finetune":
        return fine_tuned(subject.method, subject.clips, targets, split, task, config, subject.device)[0]
    if way == "knn":
        return neighbours_voted(subject.features, targets, split, task, subject.groups)
    return probed(subject.features, targets, split, task, config, hidden)


def _mean(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}
