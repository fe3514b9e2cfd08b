from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from musicfeat.order import best_order, log_partition, path_score, shuffled_probability
from musicfeat_trainer.objectives.jigsaw import jigsaw_loss, order_logits, order_loss, out_of_order, successor_loss
from musicfeat_trainer.objectives.time_reversal import ReversalHead, reversal_loss


@pytest.fixture(params=[3, 4])
def scores(request: pytest.FixtureRequest) -> torch.Tensor:
    table = torch.randn(
        5, request.param, request.param, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    return table * (1 - torch.eye(request.param, dtype=torch.float64))


def test_successor_loss_written_out(scores: torch.Tensor) -> None:
    n, terms = scores.shape[1], []
    for table in scores.numpy():
        for a in range(n - 1):
            follows = [np.exp(table[a, b]) for b in range(n) if b != a]
            precedes = [np.exp(table[b, a + 1]) for b in range(n) if b != a + 1]
            terms += [-np.log(np.exp(table[a, a + 1]) / sum(follows)), -np.log(np.exp(table[a, a + 1]) / sum(precedes))]
    assert successor_loss(scores).item() == pytest.approx(np.mean(terms))


def test_order_loss_written_out(scores: torch.Tensor) -> None:
    n, terms = scores.shape[1], []
    for table in scores.numpy():
        values = [np.exp(path_score(table, order)) for order in permutations(range(n))]
        terms.append(-np.log(values[0] / sum(values)) / (n - 1))
    assert order_loss(scores).item() == pytest.approx(np.mean(terms))


def test_probabilities_agree_with_the_runtime(scores: torch.Tensor) -> None:
    for table, found in zip(scores.numpy(), out_of_order(scores).numpy(), strict=True):
        identity = path_score(table, range(len(table)))
        assert found == pytest.approx(
            shuffled_probability(identity, log_partition(table, best_order(table)), len(table)), rel=1e-6
        )


def test_the_identity_comes_first(scores: torch.Tensor) -> None:
    diagonal = scores.diagonal(offset=1, dim1=1, dim2=2).sum(1)
    torch.testing.assert_close(order_logits(scores)[:, 0], diagonal)


def test_a_right_table_has_a_small_loss() -> None:
    right = torch.zeros(1, 4, 4)
    right[0, range(3), range(1, 4)] = 20.0
    assert jigsaw_loss(right) < 1e-3 < jigsaw_loss(right.transpose(1, 2))


def test_reversal_loss_with_and_without_smoothing() -> None:
    logits, labels = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    p = torch.sigmoid(logits)
    plain = -(torch.log(p[0]) + torch.log(1 - p[1])) / 2
    torch.testing.assert_close(reversal_loss(logits, labels, smoothing=0.0), plain)
    smooth = [0.95 * torch.log(p[0]) + 0.05 * torch.log(1 - p[0]), 0.05 * torch.log(p[1]) + 0.95 * torch.log(1 - p[1])]
    torch.testing.assert_close(reversal_loss(logits, labels, smoothing=0.1), -torch.stack(smooth).mean())


def test_reversal_head_shape() -> None:
    assert ReversalHead(6)(torch.zeros(3, 6)).shape == (3,)
