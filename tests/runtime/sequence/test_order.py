from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest

from musicfeat.sequence import order


def all_orders(scores: np.ndarray) -> dict[tuple[int, ...], float]:
    """Written out: every order with the sum of its scores."""
    return {p: float(sum(scores[a, b] for a, b in pairwise(p))) for p in permutations(range(len(scores)))}


@pytest.fixture(params=[2, 3, 5, 7])
def scores(request: pytest.FixtureRequest) -> np.ndarray:
    return np.random.default_rng(request.param).normal(size=(request.param,) * 2) * 2


def test_exact_search_finds_the_best_of_all_orders(scores: np.ndarray) -> None:
    listed = all_orders(scores)
    assert order.best_order(scores) == max(listed, key=lambda p: listed[p])
    assert order.log_partition(scores, order.best_order(scores)) == pytest.approx(
        np.log(np.sum(np.exp(list(listed.values()))))
    )


def test_search_for_many_pieces_agrees_where_both_can_run(scores: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    exact, partition = order.best_order(scores), order.log_partition(scores, order.best_order(scores))
    monkeypatch.setattr(order, "EXACT_PIECES", 1)
    assert order.path_score(scores, order.best_order(scores)) == pytest.approx(order.path_score(scores, exact))
    assert order.log_partition(scores, order.best_order(scores)) == pytest.approx(partition, abs=0.7)


def test_probability_of_a_shuffle_gives_the_identity_half_the_prior(scores: np.ndarray) -> None:
    listed = all_orders(scores)
    identity = listed.pop(tuple(range(len(scores))))
    others = np.exp(list(listed.values())).mean()
    found = order.shuffled_probability(identity, order.log_partition(scores, order.best_order(scores)), len(scores))
    assert found == pytest.approx(others / (others + np.exp(identity)))


def test_equal_scores_are_undecided() -> None:
    partition = order.log_partition(np.zeros((4, 4)), (0, 1, 2, 3))
    assert partition == pytest.approx(np.log(24))
    assert order.shuffled_probability(0.0, partition, 4) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [13, 24])
def test_many_pieces_with_clear_joins(n: int) -> None:
    generator = np.random.default_rng(n)
    true = generator.permutation(n)
    scores = generator.normal(size=(n, n))
    scores[true[:-1], true[1:]] += 8
    assert order.best_order(scores) == tuple(true)
