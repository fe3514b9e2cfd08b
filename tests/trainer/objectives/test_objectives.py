from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
import torch

from musicfeat.sequence.order import best_order, log_partition, path_score, shuffled_probability
from musicfeat_trainer.bundled.tag_net import TagHead
from musicfeat_trainer.objectives.jigsaw import (
    continuity_loss,
    folded,
    jigsaw_losses,
    order_logits,
    order_loss,
    out_of_order,
    successor_loss,
)
from musicfeat_trainer.objectives.simclr import Projector, nt_xent
from musicfeat_trainer.objectives.tagging import mixed_labels, tagging_loss
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
    assert order_loss(scores, 0 * scores).item() == pytest.approx(np.mean(terms))


def test_order_logits_with_pieces_two_apart_written_out(scores: torch.Tensor) -> None:
    apart, n = scores.flip(0).transpose(1, 2), scores.shape[1]
    found = order_logits(scores, apart)
    for i, order in enumerate(permutations(range(n))):
        expected = sum(scores[:, a, b] for a, b in pairwise(order))
        expected = expected + sum(apart[:, a, b] for a, b in zip(order, order[2:], strict=False))
        torch.testing.assert_close(found[:, i], expected)


def test_a_folded_table_ranks_orders_of_three_as_both_tables_do() -> None:
    scores, apart = torch.randn(2, 6, 3, 3) * (1 - torch.eye(3))
    torch.testing.assert_close(order_logits(folded(scores, apart)), order_logits(scores, apart))
    torch.testing.assert_close(folded(scores, apart).diagonal(dim1=1, dim2=2), torch.zeros(6, 3))


def test_continuity_loss_written_out(scores: torch.Tensor) -> None:
    n = scores.shape[1]
    probability = 1 / (1 + np.exp(-scores.numpy()))
    follows = [-np.log(p[a, a + 1]) for p in probability for a in range(n - 1)]
    others = [-np.log(1 - p[a, b]) for p in probability for a in range(n) for b in range(n) if b not in (a, a + 1)]
    assert continuity_loss(scores).item() == pytest.approx((np.mean(follows) + np.mean(others)) / 2)


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
    right -= 5 * (right == 0) * (1 - torch.eye(4))
    good, bad = (sum(jigsaw_losses(table, 0 * table).values()) for table in (right, right.transpose(1, 2)))
    assert good < 1e-2 < bad


def test_reversal_loss_with_and_without_smoothing() -> None:
    logits, labels = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    p = torch.sigmoid(logits)
    plain = -(torch.log(p[0]) + torch.log(1 - p[1])) / 2
    torch.testing.assert_close(reversal_loss(logits, labels, smoothing=0.0), plain)
    smooth = [0.95 * torch.log(p[0]) + 0.05 * torch.log(1 - p[0]), 0.05 * torch.log(p[1]) + 0.95 * torch.log(1 - p[1])]
    torch.testing.assert_close(reversal_loss(logits, labels, smoothing=0.1), -torch.stack(smooth).mean())


def test_reversal_head_shape() -> None:
    assert ReversalHead(6)(torch.zeros(3, 6)).shape == (3,)


def test_reversal_loss_with_weights() -> None:
    logits, labels, weights = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 1.0]), torch.tensor([3.0, 1.0])
    each = [reversal_loss(logits[i : i + 1], labels[i : i + 1]) for i in range(2)]
    torch.testing.assert_close(reversal_loss(logits, labels, weights=weights), (3 * each[0] + each[1]) / 4)


def test_nt_xent_written_out() -> None:
    first, second = torch.nn.functional.normalize(torch.randn(2, 5, 8, dtype=torch.float64), dim=2)
    z, terms = np.concatenate([first.numpy(), second.numpy()]), []
    for i in range(10):
        similar = np.exp(z @ z[i] / 0.2)
        terms.append(-np.log(similar[(i + 5) % 10] / (similar.sum() - similar[i])))
    assert nt_xent(first, second, 0.2).item() == pytest.approx(np.mean(terms))


def test_nt_xent_is_small_when_only_pairs_agree() -> None:
    z = torch.eye(6)
    assert nt_xent(z, z, 0.05) < 1e-3 < nt_xent(z, z.roll(1, 0), 0.05)


def test_projections_are_unit_vectors() -> None:
    torch.testing.assert_close(Projector(7, 5)(torch.randn(3, 7)).norm(dim=1), torch.ones(3))


def test_tagging_loss_counts_only_what_is_known() -> None:
    logits, there = torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 1.0]])
    expected = -torch.nn.functional.logsigmoid(torch.tensor(2.0))
    torch.testing.assert_close(tagging_loss(logits, there, torch.tensor([[1.0, 0.0]]), smoothing=0.0), expected)
    assert tagging_loss(logits, there, torch.zeros(1, 2)) == 0
    assert TagHead(6, 3)(torch.zeros(2, 6)).shape == (2, 3)


def test_labels_of_mixed_clips() -> None:
    """Clip 1 gets clip 0 mixed in: what clip 0 has, or may have, is no longer known to be missing."""
    there = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    known = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    _, found = mixed_labels(there, known, torch.tensor([False, True]))
    assert found.tolist() == [known[0].tolist(), [0.0, 1.0, 1.0, 0.0]]
