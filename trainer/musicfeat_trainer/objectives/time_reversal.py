"""Time reversal: does the music play backwards? (Addepalli et al., 2019, section 4.1)"""

from __future__ import annotations

from torch import Tensor, nn


class ReversalHead(nn.Module):
    """One linear layer on the embedding, [batch, D] -> logit of 'plays backwards' [batch]."""

    def __init__(self, dimension: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), nn.Linear(dimension, 1))

    def forward(self, embedding: Tensor) -> Tensor:
        return self.layers(embedding).squeeze(1)


def reversal_loss(logits: Tensor, labels: Tensor, smoothing: float = 0.05, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy with smoothed labels; ``weights`` balance windows of either kind."""
    target = labels * (1 - smoothing) + smoothing / 2
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return each.mean() if weights is None else (each * weights).sum() / weights.sum()
