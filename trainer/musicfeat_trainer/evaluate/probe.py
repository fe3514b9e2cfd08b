"""Linear probe, or one with two hidden layers, on frozen features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from musicfeat_trainer.evaluate.fitting import Fitting, fit
from musicfeat_trainer.evaluate.splits import Split
from musicfeat_trainer.evaluate.tasks import Array, ClassTask, Targets, Task

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C to choose from."""
HIDDEN = 128


def probed(
    features: npt.NDArray[np.float32], targets: Targets, split: Split, task: Task, config: Fitting, hidden: bool = False
) -> Array:
    """Predictions of the test items, [n, outputs].

    Classes are told apart by logistic regression, its C chosen on the validation items; tags and numbers by a linear
    layer that ``fit`` trains. With ``hidden``, all by a network of two hidden layers, as Gururani et al. (2019) probe
    composer, key, tempo and note density; they leave the widths open, which are those of their embedding here.

    Args:
        features: [items, D], standardised here over the training items.
        targets: of all items, as ``DataSet.targets``.
        split: the items that train, validate and test.
        task: what is asked.
        config: how a layer is trained.
        hidden: whether there are two hidden layers.
    """
    scaled = StandardScaler().fit(features[split.train]).transform(features)
    if isinstance(task, ClassTask) and not hidden:
        return _regressed(scaled, targets, split)
    return _trained(torch.from_numpy(scaled).float(), targets, split, task, config, hidden)


def _regressed(features: Array, targets: Targets, split: Split) -> Array:
    best, chosen = -1.0, np.zeros(0)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(features[split.train], targets[split.train])
        reached = float(model.score(features[split.validation], targets[split.validation]))
        if reached > best:
            best, chosen = reached, model.predict_proba(features[split.test])
    return chosen


def head(dimension: int, outputs: int, hidden: bool = False) -> nn.Module:
    """The layers on top: [batch, D] -> [batch, outputs]."""
    if not hidden:
        return nn.Linear(dimension, outputs)
    first, second = nn.Linear(dimension, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(HIDDEN, outputs))


def _trained(features: Tensor, targets: Targets, split: Split, task: Task, config: Fitting, hidden: bool) -> Array:
    torch.manual_seed(config.seed)
    layers = head(features.shape[1], task.outputs, hidden)
    wanted = torch.from_numpy(targets)

    def loss(numbers: Tensor) -> Tensor:
        rows = split.train[numbers.numpy()]
        return task.loss(layers(features[rows]), wanted[rows])

    def score() -> float:
        return task.figure(targets[split.validation], task.scores(layers(features[split.validation])))

    fit(layers, loss, len(split.train), score, config)
    with torch.no_grad():
        return task.scores(layers(features[split.test]))
