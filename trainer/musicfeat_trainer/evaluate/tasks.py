"""Tasks for each kind of problem: a loss to learn by, the figure to choose by, and all figures."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.evaluate.fitting import TagLoss
from musicfeat_trainer.evaluate.metrics import (
    class_figures,
    each_class,
    each_tag,
    mean_average_precision,
    number_figures,
    tag_decisions,
    tag_rankings,
)
from musicfeat_trainer.objectives.tagging import LOSSES

Array = npt.NDArray[np.floating]
Targets = npt.NDArray[np.floating | np.integer]
"""Targets as in ``DataSet.targets``."""
EachClass = dict[str, dict[str, float]]


class Task(ABC):
    """Task with predictions [n, ``outputs``]: probabilities of classes or of tags, or a number."""

    choose_by: str
    """Figure, higher is better, that early stopping watches and settings are chosen by."""

    def __init__(self, dataset: DataSet, train: npt.NDArray[np.int64]) -> None:
        self.classes = dataset.classes
        self.outputs = max(1, len(dataset.classes))
        self.learned = dataset.targets[train]

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch of logits from a network's last layer, [batch, outputs]."""

    @abstractmethod
    def scores(self, logits: Tensor) -> Array:
        """Predictions from logits."""

    @abstractmethod
    def figures(self, targets: Targets, scores: Array) -> dict[str, float]:
        """All figures of predictions, by name."""

    @abstractmethod
    def chance(self, targets: Targets) -> dict[str, float]:
        """All figures, by name, of guesses from the training labels alone."""

    @abstractmethod
    def votes(self, targets: Targets) -> Array:
        """Targets in a form to average over neighbours, [n, outputs], NaN where unknown."""

    def each(self, targets: Targets, scores: Array) -> EachClass:  # noqa: ARG002
        """Precision, recall, F1 and support of each class; empty without classes."""
        return {}

    def figure(self, targets: Targets, scores: Array) -> float:
        """Figure to choose by, see ``choose_by``."""
        return self.figures(targets, scores)[self.choose_by]

    draws: int = 1000
    """Number of resamplings for an interval of this figure."""


class ClassTask(Task):
    """Cross-entropy; chance is the commonest class of the training items."""

    choose_by = "accuracy"

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, targets)

    def scores(self, logits: Tensor) -> Array:
        return torch.softmax(logits.double(), dim=1).numpy()

    def figures(self, targets: Targets, scores: Array) -> dict[str, float]:
        return class_figures(targets.astype(int), scores.argmax(1), self.outputs)

    def figure(self, targets: Targets, scores: Array) -> float:
        return float(np.mean(scores.argmax(1) == targets))

    def each(self, targets: Targets, scores: Array) -> EachClass:
        return each_class(targets.astype(int), scores.argmax(1), self.classes)

    def chance(self, targets: Targets) -> dict[str, float]:
        commonest = self.votes(self.learned).sum(0)
        return self.figures(targets, np.tile(commonest, (len(targets), 1)))

    def votes(self, targets: Targets) -> Array:
        return np.eye(self.outputs)[targets.astype(int)]


class TagsTask(Task):
    """Binary cross-entropy over known tags, by default each tag of a batch alike (Addepalli et al., 2019, 6.4.2).

    Chance ranks at random and gives each tag the commonest training answer. Tags without both answers in a validation
    split do not take part in choosing.
    """

    choose_by = "pr_auc_tag"
    draws = 200

    def __init__(self, dataset: DataSet, train: npt.NDArray[np.int64], loss: TagLoss = "weighted") -> None:
        super().__init__(dataset, train)
        self.loss_of = LOSSES[loss]

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        known = (~targets.isnan()).to(logits)
        return self.loss_of(logits, targets.nan_to_num(), known)

    def scores(self, logits: Tensor) -> Array:
        return torch.sigmoid(logits.double()).numpy()

    def figures(self, targets: Targets, scores: Array) -> dict[str, float]:
        return tag_rankings(targets.astype(float), scores) | tag_decisions(targets.astype(float), scores >= 0.5)

    def figure(self, targets: Targets, scores: Array) -> float:
        return mean_average_precision(scores, np.nan_to_num(targets), ~np.isnan(targets))

    def each(self, targets: Targets, scores: Array) -> EachClass:
        return each_tag(targets.astype(float), scores >= 0.5, self.classes)

    def chance(self, targets: Targets) -> dict[str, float]:
        usual = np.nanmean(self.learned, axis=0) >= 0.5
        decided = np.tile(usual, (len(targets), 1))
        return tag_rankings(targets.astype(float), np.zeros(targets.shape)) | tag_decisions(
            targets.astype(float), decided
        )

    def votes(self, targets: Targets) -> Array:
        return targets.astype(float)


class NumberTask(Task):
    """Squared error of standardised numbers; chance is the mean of the training items."""

    choose_by = "r2"

    def __init__(self, dataset: DataSet, train: npt.NDArray[np.int64]) -> None:
        super().__init__(dataset, train)
        self.mean, self.deviation = float(self.learned.mean()), max(float(self.learned.std()), 1e-9)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.mse_loss(logits[:, 0], ((targets - self.mean) / self.deviation).to(logits))

    def scores(self, logits: Tensor) -> Array:
        return logits.double().numpy() * self.deviation + self.mean

    def figures(self, targets: Targets, scores: Array) -> dict[str, float]:
        return number_figures(targets.astype(float), scores[:, 0])

    def chance(self, targets: Targets) -> dict[str, float]:
        return self.figures(targets, np.full((len(targets), 1), self.mean))

    def votes(self, targets: Targets) -> Array:
        return targets[:, None].astype(float)


def task_of(dataset: DataSet, train: npt.NDArray[np.int64], tag_loss: TagLoss = "weighted") -> Task:
    """Task of a data set, knowing the labels of its training items.

    Raises:
        InputError: the data set has no labels.
    """
    if dataset.problem == "none":
        raise InputError(f"data set {dataset.name!r} has no labels: methods are judged on sets that have")
    if dataset.problem == "tags":
        return TagsTask(dataset, train, tag_loss)
    return ClassTask(dataset, train) if dataset.problem == "class" else NumberTask(dataset, train)
