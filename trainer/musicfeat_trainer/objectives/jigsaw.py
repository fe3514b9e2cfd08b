"""Jigsaw: are the pieces in order, and which follows which? (Addepalli et al., 2019, section 4.1)

The paper cuts a clip into three pieces, drops five pixels at every edge, and labels a shuffle against the
identity. Here a network scores "a directly before b" for every pair of pieces, and the score of a
whole order is the sum along it: one model then puts any number of pieces in order. The scorer is
equivariant (shuffling the pieces shuffles its table), so training reads each group in its true order
and needs no drawn label; where labels are drawn, they are half identity, half another permutation.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor


def successor_loss(scores: Tensor) -> Tensor:
    """Cross-entropy of who follows a, and of who precedes b, over the other pieces of the group.

    Args:
        scores: [batch, n, n] of n consecutive pieces in their true order.
    """
    n = scores.shape[1]
    others = scores.masked_fill(torch.eye(n, dtype=torch.bool, device=scores.device), -torch.inf)
    follows = others.log_softmax(dim=2).diagonal(offset=1, dim1=1, dim2=2)
    precedes = others.log_softmax(dim=1).diagonal(offset=1, dim1=1, dim2=2)
    return -(follows.mean() + precedes.mean()) / 2


def order_loss(scores: Tensor) -> Tensor:
    """Negative log-probability of the true order among all n! orders, divided by the n - 1 joins."""
    logits = order_logits(scores)
    return -logits.log_softmax(dim=1)[:, 0].mean() / (scores.shape[1] - 1)


def jigsaw_loss(scores: Tensor) -> Tensor:
    """The mean of ``successor_loss`` (local) and ``order_loss`` (global, keeps probabilities honest)."""
    return (successor_loss(scores) + order_loss(scores)) / 2


def order_logits(scores: Tensor) -> Tensor:
    """Score of every order of the pieces, [batch, n, n] -> [batch, n!]; the identity comes first."""
    orders = torch.tensor(list(permutations(range(scores.shape[1]))), device=scores.device)
    return scores[:, orders[:, :-1], orders[:, 1:]].sum(dim=2)


def out_of_order(scores: Tensor) -> Tensor:
    """P(out of order) of pieces as handed, [batch, n, n] -> [batch]; identity has prior 1/2."""
    logits = order_logits(scores)
    others = logits[:, 1:].logsumexp(dim=1) - torch.log(torch.tensor(float(logits.shape[1] - 1)))
    return torch.sigmoid(others - logits[:, 0])
