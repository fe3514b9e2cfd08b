from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from musicfeat import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.objectives.semantic_relevance import (
    SemanticRelevance,
    SemanticRelevanceConfig,
    drawn_others,
    relevance_loss,
)
from support.encoders import Linear


def relevance(second: Encoder | None = None) -> SemanticRelevance:
    torch.manual_seed(0)
    objective = SemanticRelevanceConfig(width=5).build(Setting(Linear(4, 6), second))
    assert isinstance(objective, SemanticRelevance)
    return objective


def test_the_loss_written_out() -> None:
    first, second = torch.randn(2, 6, 5, dtype=torch.float64)
    others, terms = drawn_others(6, 3), []
    for i, m in enumerate(first.tolist()):
        exponentials = []
        for j in [i, *others[i].tolist()]:
            n = second[j].tolist()
            dot = sum(a * b for a, b in zip(m, n, strict=True))
            exponentials.append(math.exp(dot / math.hypot(*m) / math.hypot(*n)))
        terms.append(-math.log(exponentials[0] / sum(exponentials)))
    assert relevance_loss(first, second, others).item() == pytest.approx(sum(terms) / 6)


def test_with_the_whole_batch_as_others_it_is_a_reference_librarys() -> None:
    first, second = torch.randn(2, 6, 5)
    labels = torch.arange(6)
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="install the test-all extra")
    expected = losses.NTXentLoss(temperature=1.0)(first, labels, ref_emb=second, ref_labels=labels.clone())
    torch.testing.assert_close(relevance_loss(first, second, drawn_others(6, 5)), expected)


def test_others_are_others_and_equally_likely() -> None:
    torch.manual_seed(0)
    counts = torch.zeros(6, 6)
    for _ in range(500):
        drawn = drawn_others(6, 3)
        assert all(len({i, *row}) == 4 for i, row in enumerate(drawn.tolist()))
        counts += torch.zeros(6, 6).scatter_(1, drawn, 1.0)
    off = counts[~torch.eye(6, dtype=torch.bool)]
    assert (off - 300).abs().max() < 5 * math.sqrt(500 * 0.6 * 0.4)


def test_a_batch_without_enough_others_is_refused() -> None:
    with pytest.raises(InputError, match="batch of 3"):
        drawn_others(3, 3)


def test_halves_share_weights_unless_there_is_a_second_encoder() -> None:
    first, second = torch.randn(7, 4), torch.randn(7, 3)
    with torch.no_grad():
        assert relevance().figures(Views((first, first), torch.arange(7)))["agreement"] == 1
    objective = relevance(Linear(3, 6))
    objective.losses(Views((first, second), torch.arange(7)))["relevance"].backward()
    names = {name for name, weight in objective.named_parameters() if weight.grad is not None}
    assert {"encoder.linear.weight", "second.linear.weight", "linear.0.weight", "second_linear.0.weight"} <= names
    torch.testing.assert_close(objective.embed(first), objective.linear(objective.encoder(first)))


def test_neighbours_are_learned(descent: Callable[..., list[float]]) -> None:
    objective = relevance(Linear(3, 6))
    things = torch.randn(12, 3)
    views = Views((things @ torch.randn(3, 4), things), torch.arange(12))
    optimizer = torch.optim.Adam(objective.parameters(), 0.02)
    before = objective.figures(views)["neighbour"]
    losses = descent(objective, lambda _: views, 80, optimizer)
    assert sum(losses[-10:]) / 10 < 0.9 < losses[0]
    assert objective.figures(views)["neighbour"] > max(0.6, before)


def test_figures_of_a_guess_are_what_chance_says() -> None:
    batch, objective = 600, relevance(Linear(4, 6))
    torch.manual_seed(2)
    found = objective.figures(Views(tuple(torch.randn(2, batch, 4)), torch.arange(batch)))
    chance = SemanticRelevanceConfig().chance(batch)
    assert chance["neighbour"] == pytest.approx(1 / math.prod(k ** (1 / batch) for k in range(1, batch + 1)))
    assert found["neighbour"] == pytest.approx(chance["neighbour"], rel=0.2)
    assert found["agreement"] < 0.01
