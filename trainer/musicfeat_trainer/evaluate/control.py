"""The network that a trained one is compared with: the same architecture, weights left to chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.evaluate.items import as_read
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.recipe.method import MethodConfig

SEED, CLIPS, BATCH = 7, 128, 16


def control(config: MethodConfig) -> Method:
    """A method with random weights, always the same ones."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return Method(config).eval()


@torch.no_grad()
def calibrated(method: Method, dataset: DataSet, store: Path) -> Method:
    """The method itself, its batch normalisation with the statistics of some items of a data set.

    Without them random layers would lose by the level of their inputs alone; no label and no weight is touched.
    """
    _, clips = as_read(method, dataset, store)
    for layer in method.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over all batches
    drawn = np.random.default_rng(SEED).permutation(len(clips.owners))[:CLIPS]
    method.train()
    for part in np.array_split(drawn, -(-len(drawn) // BATCH)):
        method.embed(clips.read(part))
    return method.eval()
