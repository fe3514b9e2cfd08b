"""Control for a trained network: the same architecture with random weights."""

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
    """Method with random weights, always the same ones, and never the pretrained weights that a recipe names."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return Method(config.from_chance).eval()


@torch.no_grad()
def calibrated(method: Method, clips: ItemClips, train: Rows) -> Method:
    """Copy of a method with batch normalisation by the statistics of training items alone.

    Otherwise random layers would lose only by the level of their inputs, and trained ones by the level of other music.
    No label, no weight and no item of validation or test is used.

    Args:
        method: method to copy; it stays as it is.
        clips: clips of a data set's items.
        train: items for the statistics.
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
