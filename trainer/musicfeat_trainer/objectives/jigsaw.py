"""Jigsaw: tell whether pieces are in order, and which follows which (Addepalli et al., 2019, section 4.1).

The paper cuts a clip into three pieces, drops five pixels at every edge, and labels a shuffle against the
identity: ``Jigsaw`` does this. The functions below it are our own method. A network scores "a directly before b" for
every pair of pieces, and the score of a whole order is the sum along it: one model then puts any number of pieces
in order. The scorer is equivariant (shuffling the pieces shuffles its table), so training reads each group in its
true order and needs no drawn label.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views
from musicfeat_trainer.objectives.pieces import PiecesConfig


class JigsawConfig(ObjectiveConfig):
    """Pieces in order or not. NYU 2019: constant-Q decibels, ConvNet-ext or ResNet-18, three pieces of 1 or 3 s."""

    name: Literal["jigsaw"] = "jigsaw"
    identity_share: float = Field(0.5, gt=0, lt=1)
    """Probability that pieces stay in order; all other orders are equally likely.

    The paper draws all six orders alike, 1/6 each: the constant answer 'shuffled' is then right for 83 % of clips.
    """

    def build(self, setting: Setting) -> Objective:
        if not setting.pieces:
            raise InputError("jigsaw needs a table [method.pieces]: count = 3 and edge = 5 are the paper's")
        return Jigsaw(setting.encoder, setting.pieces, self.identity_share)

    def chance(self, batch: int) -> Mapping[str, float]:  # noqa: ARG002
        return {"jigsaw": 1 / 2}


class Jigsaw(Objective):
    """Pieces in an order drawn for each clip; binary cross-entropy of 'shuffled' on a linear layer."""

    views = 1

    def __init__(self, encoder: Encoder, pieces: PiecesConfig, identity_share: float) -> None:
        super().__init__(encoder)
        self.pieces, self.identity_share = pieces, identity_share
        self.head = nn.Linear(encoder.dimension, 1)

    def losses(self, views: Views) -> dict[str, Tensor]:
        features = views.features[0]
        orders, shuffled = drawn_orders(len(features), self.pieces.count, self.identity_share)
        logits = self._logits(features, orders)
        return {"jigsaw": nn.functional.binary_cross_entropy_with_logits(logits, shuffled.to(logits))}

    def figures(self, views: Views) -> dict[str, float]:
        """Accuracy over each clip both in order and in one other order; chance is one half."""
        features = views.features[0]
        orders, _ = drawn_orders(len(features), self.pieces.count, 0.0)
        straight, shuffled = self._logits(features, orders.sort(1).values), self._logits(features, orders)
        return {"jigsaw": float(torch.cat([straight < 0, shuffled > 0]).float().mean())}

    def judgements(self, embedding: Tensor) -> dict[str, Tensor]:
        return {"jigsaw": torch.sigmoid(self.head(embedding).squeeze(1))}

    def certainty(self, views: Views) -> Tensor:
        """Probability of 'in order' for each clip as it is."""
        features = views.features[0]
        orders = torch.arange(self.pieces.count).expand(len(features), -1)
        return torch.sigmoid(-self._logits(features, orders))

    def _logits(self, features: Tensor, orders: Tensor) -> Tensor:
        return self.head(self.encode(self.pieces.reordered(features, orders))).squeeze(1)


def drawn_orders(batch: int, count: int, identity_share: float) -> tuple[Tensor, Tensor]:
    """Orders of pieces from the global generator, [batch, count] int64, and which are shuffled, [batch] bool."""
    orders = torch.tensor(list(permutations(range(count))))
    shuffled = torch.rand(batch) >= identity_share
    others = torch.randint(1, len(orders), (batch,))
    return orders[others * shuffled], shuffled


def successor_loss(scores: Tensor) -> Tensor:
    """Cross-entropy of the successor and of the predecessor of each piece, over the other pieces of the group.

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
    """Binary cross-entropy of 'b directly after a', both answers weighted alike, so that a score of 0 is 'undecided'.

    Rankings need no such zero, but finding a cut in a recording does.
    """
    n = scores.shape[1]
    follows = torch.eye(n, device=scores.device).roll(1, 1).triu(1).bool()
    others = ~follows & ~torch.eye(n, dtype=torch.bool, device=scores.device)
    softplus = nn.functional.softplus
    return (softplus(-scores[:, follows]).mean() + softplus(scores[:, others]).mean()) / 2


def jigsaw_losses(scores: Tensor, apart: Tensor, continuity: float = 0.25) -> dict[str, Tensor]:
    """Losses of local ranking, of global order (which calibrates probabilities) and of continuity, weighted."""
    return {
        "successor": successor_loss(scores) / 2,
        "order": order_loss(scores, apart) / 2,
        "continuity": continuity * continuity_loss(scores),
    }


def order_logits(scores: Tensor, apart: Tensor | None = None) -> Tensor:
    """Score of every order of the pieces, [batch, n, n] -> [batch, n!]; the identity comes first.

    Args:
        scores: scores of a directly before b.
        apart: scores of a two before b; None: not counted.
    """
    orders = torch.tensor(list(permutations(range(scores.shape[1]))), device=scores.device)
    logits = _sums(scores, orders[:, :-1], orders[:, 1:])
    return logits if apart is None else logits + _sums(apart, orders[:, :-2], orders[:, 2:])


def _sums(table: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Sums of a table over the pairs of each order: [batch, n, n] and twice [orders, m] -> [batch, orders]."""
    places = first * table.shape[2] + second
    return table.flatten(1).index_select(1, places.flatten()).unflatten(1, places.shape).sum(dim=2)


def folded(scores: Tensor, apart: Tensor) -> Tensor:
    """One table of successor scores that ranks orders of three pieces as both tables do, [batch, 3, 3].

    With c the third piece, S(a, b) = s(a, b) + (t(a, c) + t(c, b) - t(b, a)) / 2, where s scores neighbours and t
    pieces two apart: then S(a, b) + S(b, c) = s(a, b) + s(b, c) + t(a, c) for each of the six orders.
    """
    rows, columns = apart.sum(2, keepdim=True), apart.sum(1, keepdim=True)
    others = 1.0 - torch.eye(3, device=scores.device)
    return scores + (rows + columns - 2 * apart - apart.transpose(1, 2)) / 2 * others


def out_of_order(scores: Tensor) -> Tensor:
    """Probability of 'out of order' for pieces as given, [batch, n, n] -> [batch]; identity has prior 1/2."""
    logits = order_logits(scores)
    others = logits[:, 1:].logsumexp(dim=1) - torch.log(torch.tensor(float(logits.shape[1] - 1)))
    return torch.sigmoid(others - logits[:, 0])
