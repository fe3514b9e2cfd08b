"""Tagging: which instruments play, learned from labels that may be partly unknown."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TagHead(nn.Module):
    """One hidden layer on the embedding, [batch, D] -> logits [batch, labels]."""

    def __init__(self, dimension: int, labels: int, dropout: float = 0.2, hidden: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(dimension, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, labels)
        )

    def forward(self, embedding: Tensor) -> Tensor:
        return self.layers(embedding)


def tagging_loss(logits: Tensor, there: Tensor, known: Tensor, smoothing: float = 0.02) -> Tensor:
    """Binary cross-entropy over what is known; 0 where nothing is."""
    target = there * (1 - smoothing) + smoothing / 2
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1.0)


def mixed_labels(there: Tensor, known: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
    """Labels after some clips had their predecessor in the batch mixed in quietly.

    What was there still is. What was missing stays so only if it is known to be missing in the other, too.
    """
    missing_in_other = (known.roll(1, 0) > 0) & (there.roll(1, 0) == 0)
    kept = ~mixed[:, None] | (there > 0) | missing_in_other
    return there, torch.where(kept, known, torch.zeros_like(known))
