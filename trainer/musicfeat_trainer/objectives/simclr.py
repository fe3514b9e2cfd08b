"""Contrastive learning: two crops of one track attract, all others repel (Chen et al., SimCLR, 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Projector(nn.Module):
    """The linear map whose output the loss compares, [batch, D] -> unit vectors [batch, width]."""

    def __init__(self, dimension: int, width: int = 128) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(dimension, width, bias=False)

    def forward(self, embedding: Tensor) -> Tensor:
        return nn.functional.normalize(self.linear(embedding), dim=1)


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.15) -> Tensor:
    """Normalised temperature-scaled cross-entropy, equation 1 of the paper.

    Args:
        first: [n, width] unit vectors.
        second: [n, width], row i a positive of row i of ``first``.
        temperature: divides the cosines.
    """
    z = torch.cat([first, second])
    similarity = z @ z.T / temperature
    similarity = similarity.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -torch.inf)
    partner = torch.arange(len(z), device=z.device).roll(len(first))
    return nn.functional.cross_entropy(similarity, partner)
