from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import permutations
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from musicfeat import InputError
from musicfeat_trainer.objectives.jigsaw import Jigsaw, JigsawConfig, drawn_orders
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.objectives.pieces import PiecesConfig
from support.encoders import Linear

FRAMES, EDGE = 18, 1


def jigsaw(pieces: PiecesConfig, share: float = 0.5) -> Jigsaw:
    torch.manual_seed(0)
    inputs = 2 * (FRAMES - 2 * EDGE * pieces.count)
    objective = JigsawConfig(identity_share=share).build(Setting(Linear(inputs, 5), pieces=pieces))
    assert isinstance(objective, Jigsaw)
    return objective


def views(features: Tensor) -> Views:
    return Views((features,), torch.arange(len(features)))


@pytest.mark.parametrize("share", [0.5, 1 / 6])
def test_orders_are_drawn_as_told(share: float) -> None:
    torch.manual_seed(1)
    orders, shuffled = drawn_orders(6000, 3, share)
    counts = Counter(map(tuple, orders.tolist()))
    assert set(counts) == set(permutations(range(3)))
    for order, count in counts.items():
        expected = 6000 * (share if order == (0, 1, 2) else (1 - share) / 5)
        assert abs(count - expected) < 5 * math.sqrt(expected)
    assert shuffled.tolist() == [order != [0, 1, 2] for order in orders.tolist()]


@pytest.mark.parametrize("along", ["channels", "time"])
def test_the_loss_written_out(along: Literal["channels", "time"]) -> None:
    pieces = PiecesConfig(edge=EDGE, along=along)
    objective, clips = jigsaw(pieces), torch.randn(7, 1, FRAMES, 2)
    torch.manual_seed(5)
    found = objective.losses(views(pieces.arranged(clips)))["jigsaw"].item()
    torch.manual_seed(5)
    orders, shuffled = drawn_orders(7, 3, 0.5)
    assert 0 < shuffled.sum() < 7
    terms = []
    for clip, order, label in zip(clips[:, 0], orders.tolist(), shuffled.tolist(), strict=True):
        cut = [clip[i * 6 + EDGE : (i + 1) * 6 - EDGE] for i in order]
        logit = objective.head(objective.encoder(torch.cat(cut)[None])).item()
        p = 1 / (1 + math.exp(-logit))
        terms.append(-math.log(p if label else 1 - p))
    assert found == pytest.approx(sum(terms) / 7, rel=1e-5)


@pytest.mark.parametrize("along", ["channels", "time"])
def test_the_order_of_rising_pieces_is_learned(
    along: Literal["channels", "time"], descent: Callable[..., list[float]]
) -> None:
    pieces = PiecesConfig(edge=EDGE, along=along)
    objective = jigsaw(pieces)
    ramp = torch.arange(FRAMES)[:, None] / 6 + torch.randn(32, 1, FRAMES, 2) / 10
    batch = views(pieces.arranged(ramp))
    before = objective.figures(batch)["jigsaw"]
    optimizer = torch.optim.Adam(objective.parameters(), 0.02)
    losses = descent(objective, lambda _: batch, 120, optimizer)
    assert sum(losses[-10:]) < sum(losses[:10]) / 2
    assert objective.figures(batch)["jigsaw"] > max(0.9, before)


@pytest.mark.parametrize("bias", [-100.0, 100.0])
def test_always_the_same_answer_is_right_half_the_time(bias: float) -> None:
    pieces = PiecesConfig(edge=EDGE)
    objective = jigsaw(pieces)
    nn.init.constant_(objective.head.bias, bias)
    assert objective.figures(views(pieces.arranged(torch.randn(9, 1, FRAMES, 2))))["jigsaw"] == 0.5
    assert JigsawConfig().chance(9) == {"jigsaw": 0.5}


def test_without_pieces_there_is_nothing_to_put_in_order() -> None:
    with pytest.raises(InputError, match=r"method\.pieces"):
        JigsawConfig().build(Setting(Linear(4, 5)))
