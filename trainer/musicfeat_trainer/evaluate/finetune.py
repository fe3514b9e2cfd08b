"""Fine-tuning: the whole network learns, with a new last layer."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat_trainer.evaluate.fitting import Epoch, Fitting, fit
from musicfeat_trainer.evaluate.items import ItemClips, Rows
from musicfeat_trainer.evaluate.probe import head
from musicfeat_trainer.evaluate.splits import Split
from musicfeat_trainer.evaluate.tasks import Array, Targets, Task
from musicfeat_trainer.method.method import Method


class Tuned(nn.Module):
    """A copy of a method's network and a fresh linear layer."""

    def __init__(self, method: Method, outputs: int) -> None:
        super().__init__()
        self.method = deepcopy(method).requires_grad_(True)
        self.head = head(dimension_of(self.method), outputs)

    def forward(self, clips: Tensor) -> Tensor:
        """Logits [batch, outputs] of clips [batch, frames, ...]."""
        return self.head(self.method.embed(clips))


@torch.no_grad()
def dimension_of(method: Method) -> int:
    """Width of a method's embedding."""
    frontend = method.frontend(0)
    silence = torch.from_numpy(frontend.contents.silence(frontend.frames(method.config.clips.seconds)))[None]
    return method.eval().embed(silence.to(next(method.parameters()).device)).shape[1]


def fine_tuned(
    method: Method, clips: ItemClips, targets: Targets, split: Split, task: Task, config: Fitting, device: str = "cpu"
) -> tuple[Array, list[Epoch]]:
    """Predictions for the test items, [n, outputs], and all epochs.

    Each clip of a training item is an example with the item's target, unchanged; logits are averaged over the
    clips of validation and test items.
    """
    torch.manual_seed(config.seed)
    net = Tuned(method, task.outputs).to(device)
    examples, wanted = clips.of(split.train), torch.from_numpy(targets)

    def loss(numbers: Tensor) -> Tensor:
        drawn = examples[numbers.numpy()]
        return task.loss(net(clips.read(drawn).to(device)), wanted[clips.owners[drawn]].to(device))

    def score() -> float:
        return task.figure(targets[split.validation], task.scores(logits(net, clips, split.validation, config, device)))

    epochs = fit(net, loss, len(examples), score, config)
    with torch.no_grad():
        return task.scores(logits(net.eval(), clips, split.test, config, device)), epochs


def logits(net: Callable[[Tensor], Tensor], clips: ItemClips, rows: Rows, config: Fitting, device: str) -> Tensor:
    """Mean logits over the clips of each item, [rows, outputs]."""
    numbers = clips.of(rows)
    parts = np.array_split(numbers, -(-len(numbers) // config.batch))
    found = torch.cat([net(clips.read(part).to(device)).cpu() for part in parts])
    return clips.mean(found, numbers)[rows]
