"""Evaluation of a network on a labelled data set: probe, fine-tuning or neighbours, within a label budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from torch.nn.modules.batchnorm import _BatchNorm

from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.evaluate.budgets import Budget, budgeted
from musicfeat_trainer.evaluate.control import calibrated
from musicfeat_trainer.evaluate.features import embeddings
from musicfeat_trainer.evaluate.finetune import fine_tuned
from musicfeat_trainer.evaluate.fitting import Epoch, Fitting
from musicfeat_trainer.evaluate.intervals import Interval, difference, interval
from musicfeat_trainer.evaluate.items import as_read
from musicfeat_trainer.evaluate.knn import neighbours_voted
from musicfeat_trainer.evaluate.probe import probed
from musicfeat_trainer.evaluate.splits import Split, splits_of
from musicfeat_trainer.evaluate.tasks import Array, EachClass, Task, task_of
from musicfeat_trainer.method.method import Method

Statistics = Literal["training", "own"]
Way = Literal["probe", "finetune", "knn"]
WAYS: tuple[Way, ...] = ("probe", "finetune", "knn")


@dataclass(frozen=True)
class Outcome:
    """Predictions for all tested items, once for each draw of the labels, and figures: means over folds and draws."""

    figures: Mapping[str, float]
    chance: Mapping[str, float]
    folds: Sequence[Mapping[str, float]]
    each: EachClass
    """Precision, recall, F1 and support of each class over all predictions."""
    rows: npt.NDArray[np.int64]
    """Indices in the data set of the tested items; draw after draw they repeat."""
    scores: Array
    """Predictions [rows, outputs]: probabilities of classes or tags, or numbers."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """Middle 95 % of a figure over groups of items drawn with replacement; only for the figure that settings are chosen
    by, as others take too long."""
    curves: Sequence[Sequence[Epoch]] = ()
    """Epochs of every fold; empty if nothing was trained in epochs."""


class Lead(NamedTuple):
    """Lead of one system over another on the same items, in the figure that settings are chosen by."""

    value: float
    """Difference of the two figures over all tested items at once."""
    interval: Interval
    """Middle 95 % of the difference over groups of items drawn with replacement, the same ones for both systems."""
    p: float
    """P value of a permutation test, two-sided."""


class Subject:
    """A method's network, trained or a control, to be judged on a data set.

    Args:
        method: the network.
        dataset: data set with labels.
        store: folder for decoded audio.
        device: device of the network.
        statistics: source of the statistics of batch normalisation: the training items of each fold, alike for trained
            and random networks, or the method's own training.

    Raises:
        InputError: the set has no labels or an empty split, or the method cannot read it.
    """

    def __init__(
        self,
        method: Method,
        dataset: DataSet,
        store: Path,
        device: str = "cpu",
        statistics: Statistics = "training",
    ) -> None:
        task_of(dataset, dataset.rows(lambda _: True))
        self.method, self.device, self.statistics = method, device, statistics
        self.dataset, self.clips = as_read(method, dataset, store)
        self.splits = splits_of(self.dataset)
        groups = [item.group for item in self.dataset.items]
        self.groups: npt.NDArray[np.int64] = np.unique(groups, return_inverse=True)[1]

    @cached_property
    def methods(self) -> list[Method]:
        """Network of each fold."""
        normalised = any(isinstance(layer, _BatchNorm) for layer in self.method.modules())
        if self.statistics == "own" or not normalised:
            return [self.method] * len(self.splits)
        return [calibrated(self.method, self.clips, split.train) for split in self.splits]

    @cached_property
    def features(self) -> list[npt.NDArray[np.float32]]:
        """Frozen embeddings of all items in each fold, [items, D]."""
        known = {id(method): embeddings(method, self.clips, self.device) for method in self.methods}
        return [known[id(method)] for method in self.methods]

    @property
    def tested(self) -> npt.NDArray[np.float32]:
        """Frozen embeddings of the tested items, fold after fold, [rows, D]."""
        return np.concatenate([x[split.test] for x, split in zip(self.features, self.splits, strict=True)])

    def within(self, budget: Budget) -> list[Split]:
        """Splits with as many training items as a budget allows, draw after draw; validation and test are whole.

        Raises:
            InputError: a class has fewer items than the budget asks for.
        """
        return [
            split._replace(train=budgeted(self.dataset, split.train, budget, draw))
            for draw in range(budget.draws)
            for split in self.splits
        ]


def evaluate(subject: Subject, way: Way, budget: Budget | None = None, config: Fitting | None = None) -> Outcome:
    """Learn from the training items of each fold, choose and stop by its validation items, and judge on its test.

    Args:
        subject: network and data set.
        way: way of using the network.
        budget: budget of training labels; None: all.
        config: settings of training layers and networks.

    Raises:
        InputError: the budget is larger than a class.
    """
    config = config or Fitting()
    dataset, folds, found = subject.dataset, [], list[tuple[Array, list[Epoch]]]()
    splits = subject.within(budget or Budget())
    for fold, split in enumerate(splits):
        task, truth = task_of(dataset, split.train, config.tag_loss), dataset.targets[split.test]
        found.append(_predicted(subject, way, fold % len(subject.splits), split, task, config))
        folds.append((task.figures(truth, found[-1][0]), task.chance(truth)))
    tested, every = np.concatenate([s.test for s in splits]), np.concatenate([scores for scores, _ in found])
    figures, chance = ([fold[i] for fold in folds] for i in range(2))
    truth = dataset.targets[tested]
    bounds = interval(lambda rows: task.figure(truth[rows], every[rows]), subject.groups[tested], task.draws)
    curves = [epochs for _, epochs in found if epochs]
    each, intervals = task.each(truth, every), {task.choose_by: bounds}
    return Outcome(_mean(figures), _mean(chance), figures, each, tested, every, intervals, curves)


def lead(subject: Subject, first: Outcome, second: Outcome) -> Lead:
    """Lead of the first outcome over the second, which is about the same items."""
    task = task_of(subject.dataset, subject.splits[0].train)
    truth, groups = subject.dataset.targets[first.rows], subject.groups[first.rows]

    def ahead(rows: npt.NDArray[np.int64]) -> float:
        return task.figure(truth[rows], first.scores[rows]) - task.figure(truth[rows], second.scores[rows])

    p = difference(first.scores, second.scores, lambda scores: task.figure(truth, scores), groups, task.draws)
    return Lead(ahead(np.arange(len(truth))), interval(ahead, groups, task.draws), p)


def _predicted(
    subject: Subject, way: Way, fold: int, split: Split, task: Task, config: Fitting
) -> tuple[Array, list[Epoch]]:
    targets = subject.dataset.targets
    if way == "finetune":
        return fine_tuned(subject.methods[fold], subject.clips, targets, split, task, config, subject.device)
    if way == "knn":
        return neighbours_voted(subject.features[fold], targets, split, task, subject.groups), []
    return probed(subject.features[fold], targets, split, task, config)


def _mean(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}
