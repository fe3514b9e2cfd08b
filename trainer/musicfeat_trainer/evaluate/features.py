"""Frozen embeddings of items and of their clips."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from musicfeat_trainer.evaluate.items import ItemClips, Rows
from musicfeat_trainer.method.method import Method

BATCH = 64


def embeddings(method: Method, clips: ItemClips, device: str = "cpu") -> npt.NDArray[np.float32]:
    """Embeddings of items, means over their clips, [items, D]."""
    every = np.arange(len(clips.owners))
    return clips.mean(clip_embeddings(method, clips, every, device), every).numpy()


@torch.no_grad()
def clip_embeddings(method: Method, clips: ItemClips, numbers: Rows, device: str = "cpu") -> Tensor:
    """Embeddings of clips by number, [numbers, D]."""
    method.eval().to(device)
    parts = np.array_split(numbers, -(-len(numbers) // BATCH))
    found = [method.embed(clips.read(part).to(device)).cpu() for part in tqdm(parts, desc="embed", leave=False)]
    return torch.cat(found)
