"""The network that a trained one is compared with: the same architecture, weights left to chance."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from musicfeat_trainer.evaluate.items import ItemClips, Rows
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.recipe.method import MethodConfig

SEED, CLIPS, BATCH = 7, 128, 16


def control(config: MethodConfig) -> Method:
    """A method with random weights, always the same ones: none that a recipe lets an encoder start from."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return Method(config.from_chance).eval()


@torch.no_grad()
def calibrated(method: Method, clips: ItemClips, train: Rows) -> Method:
    """A copy of a method, its batch normalisation with the statistics of training items alone.

    Without them random layers would lose by the level of their inputs alone, and trained ones by that of other music;
    no label, no weight and no item that validates or tests is looked at.

    Args:
        method: stays as it is.
        clips: of a data set's items.
        train: the items to look at.
    """
    method = deepcopy(method)
    for layer in method.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over all batches
    numbers = clips.of(train)
    drawn = np.random.default_rng(SEED).permutation(numbers)[:CLIPS]
    method.train()
    device = next(method.parameters()).device
    for part in np.array_split(drawn, -(-len(drawn) // BATCH)):
        method.embed(clips.read(part).to(device))
    return method.eval()
