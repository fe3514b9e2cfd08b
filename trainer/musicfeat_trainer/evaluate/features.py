"""Frozen embeddings of items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from musicfeat_trainer.evaluate.items import ItemClips
from musicfeat_trainer.method import Method


@torch.no_grad()
def embeddings(method: Method, clips: ItemClips, batch: int = 64, device: str = "cpu") -> npt.NDArray[np.float32]:
    """The embedding of every item, the mean over its clips: [items, D]."""
    every = np.arange(len(clips.owners))
    method.eval().to(device)
    parts = np.array_split(every, -(-len(every) // batch))
    found = [method.embed(clips.read(part).to(device)).cpu() for part in tqdm(parts, desc="embed", leave=False)]
    return clips.mean(torch.cat(found), every).numpy()
