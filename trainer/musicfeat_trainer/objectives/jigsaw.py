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
from torch import Tensor, nn


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


def order_loss(scores: Tensor, apart: Tensor) -> Tensor:
    """Negative log-probability of the true order among all n! orders, divided by the n - 1 joins."""
    logits = order_logits(scores, apart)
    return -logits.log_softmax(dim=1)[:, 0].mean() / (scores.shape[1] - 1)


def continuity_loss(scores: Tensor) -> Tensor:
    """Is b directly after a, yes or no, both answers weighted alike; gives scores a zero that means 'undecided'.

    Rankings need no such zero, but finding a cut in a recording does.
    """
    n = scores.shape[1]
    follows = torch.eye(n, device=scores.device).roll(1, 1).triu(1).bool()
    others = ~follows & ~torch.eye(n, dtype=torch.bool, device=scores.device)
    softplus = nn.functional.softplus
    return (softplus(-scores[:, follows]).mean() + softplus(scores[:, others]).mean()) / 2


def jigsaw_losses(scores: Tensor, apart: Tensor, continuity: float = 0.25) -> dict[str, Tensor]:
    """Local ranking, global order (keeps probabilities honest), and continuity, weighted."""
    return {
        "successor": successor_loss(scores) / 2,
        "order": order_loss(scores, apart) / 2,
        "continuity": continuity * continuity_loss(scores),
    }


def order_logits(scores: Tensor, apart: Tensor | None = None) -> Tensor:
    """Score of every order of the pieces, [batch, n, n] -> [batch, n!]; the identity comes first.

    Args:
        scores: of a directly before b.
        apart: of a two before b, if that counts, too.
    """
    orders = torch.tensor(list(permutations(range(scores.shape[1]))), device=scores.device)
    logits = scores[:, orders[:, :-1], orders[:, 1:]].sum(dim=2)
    return logits if apart is None else logits + apart[:, orders[:, :-2], orders[:, 2:]].sum(dim=2)


def folded(scores: Tensor, apart: Tensor) -> Tensor:
    """One table of successor scores that ranks orders of three pieces as both tables do, [batch, 3, 3].

    With c the third piece, S(a, b) = s(a, b) + (t(a, c) + t(c, b) - t(b, a)) / 2, where s scores neighbours and t
    pieces two apart: then S(a, b) + S(b, c) = s(a, b) + s(b, c) + t(a, c) for each of the six orders.
    """
    rows, columns = apart.sum(2, keepdim=True), apart.sum(1, keepdim=True)
    others = 1.0 - torch.eye(3, device=scores.device)
    return scores + (rows + columns - 2 * apart - apart.transpose(1, 2)) / 2 * others


def out_of_order(scores: Tensor) -> Tensor:
    """P(out of order) of pieces as handed, [batch, n, n] -> [batch]; identity has prior 1/2."""
    logits = order_logits(scores)
    others = logits[:, 1:].logsumexp(dim=1) - torch.log(torch.tensor(float(logits.shape[1] - 1)))
    return torch.sigmoid(others - logits[:, 0])
