"""Linear probe, or one with hidden layers, on frozen features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from musicfeat_trainer.evaluate.fitting import Epoch, Fitting, fit
from musicfeat_trainer.evaluate.splits import Split
from musicfeat_trainer.evaluate.tasks import Array, ClassTask, Targets, Task

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C to choose from."""


def probed(
    features: npt.NDArray[np.float32], targets: Targets, split: Split, task: Task, config: Fitting
) -> tuple[Array, list[Epoch]]:
    """Predictions for the test items, [n, outputs], and the epochs of layers trained in epochs.

    Classes are predicted by logistic regression, its C chosen on the validation items; tags and numbers by a linear
    layer that ``fit`` trains. If ``config`` has hidden layers, a network with those predicts all kinds.

    Args:
        features: [items, D], standardised here over the training items.
        targets: targets of all items, as ``DataSet.targets``.
        split: items that train, validate and test.
        task: task of the data set.
        config: settings of the training of layers.
    """
    scaled = StandardScaler().fit(features[split.train]).transform(features)
    if isinstance(task, ClassTask) and not config.hidden:
        return _regressed(scaled, targets, split), []
    return _trained(torch.from_numpy(scaled).float(), targets, split, task, config)


def _regressed(features: Array, targets: Targets, split: Split) -> Array:
    best, chosen = -1.0, np.zeros(0)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(features[split.train], targets[split.train])
        reached = float(model.score(features[split.validation], targets[split.validation]))
        if reached > best:
            best, chosen = reached, model.predict_proba(features[split.test])
    return chosen


def head(dimension: int, outputs: int, hidden: Sequence[int] = ()) -> nn.Module:
    """Layers on top, with rectifiers between them: [batch, D] -> [batch, outputs]."""
    if not hidden:
        return nn.Linear(dimension, outputs)
    layers: list[nn.Module] = []
    for inputs, width in pairwise((dimension, *hidden)):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs))


def _trained(
    features: Tensor, targets: Targets, split: Split, task: Task, config: Fitting
) -> tuple[Array, list[Epoch]]:
    torch.manual_seed(config.seed)
    layers = head(features.shape[1], task.outputs, config.hidden)
    wanted = torch.from_numpy(targets)

    def loss(numbers: Tensor) -> Tensor:
        rows = split.train[numbers.numpy()]
        return task.loss(layers(features[rows]), wanted[rows])

    def score() -> float:
        return task.figure(targets[split.validation], task.scores(layers(features[split.validation])))

    epochs = fit(layers, loss, len(split.train), score, config)
    with torch.no_grad():
        return task.scores(layers(features[split.test])), epochs
