from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from musicfeat_trainer.objectives.byol import BYOL, BYOLConfig, byol_loss, momentum_at
from musicfeat_trainer.objectives.objective import Setting, Views, likeness_chance
from support.encoders import Linear


@pytest.fixture
def objective() -> BYOL:
    torch.manual_seed(0)
    objective = BYOLConfig(width=5, hidden=16, momentum=0.9).build(Setting(Linear(4, 6)))
    assert isinstance(objective, BYOL)
    return objective


def test_the_loss_written_out() -> None:
    predictions, targets = torch.randn(2, 5, 7, dtype=torch.float64)
    terms = []
    for p, z in zip(predictions.tolist(), targets.tolist(), strict=True):
        p_norm, z_norm = (math.sqrt(sum(x * x for x in vector)) for vector in (p, z))
        terms.append(sum((a / p_norm - b / z_norm) ** 2 for a, b in zip(p, z, strict=True)))
    assert byol_loss(predictions, targets).item() == pytest.approx(sum(terms) / 5)


def test_both_ways_through_the_copy(objective: BYOL, views: Views) -> None:
    """The loss of a model whose copy has moved away from it, with either view as the target."""
    with torch.no_grad():
        for weight in [*objective.target_encoder.parameters(), *objective.target_projector.parameters()]:
            weight.add_(torch.randn_like(weight) / 5)
    terms = []
    for view, other in (views.features, views.features[::-1]):
        prediction = objective.predictor(objective.projector(objective.encoder(view)))
        terms.append(byol_loss(prediction, objective.target_projector(objective.target_encoder(other))).item())
    assert terms[0] != pytest.approx(terms[1])
    assert objective.losses(views)["prediction"].item() == pytest.approx(sum(terms))


def test_the_copy_learns_nothing_by_gradients(objective: BYOL, views: Views) -> None:
    objective.losses(views)["prediction"].backward()
    for name, weight in objective.named_parameters():
        assert (weight.grad is None) == name.startswith("target"), name


def test_the_copy_trails(objective: BYOL) -> None:
    before = objective.target_encoder.linear.weight.clone()
    with torch.no_grad():
        objective.encoder.linear.weight.add_(1.0)
        objective.projector[0].weight.sub_(1.0)
    objective.after_step()
    torch.testing.assert_close(objective.target_encoder.linear.weight, before + 0.1)
    torch.testing.assert_close(objective.target_projector[0].weight, objective.projector[0].weight + 0.9)


def test_momentum_rises_along_a_cosine() -> None:
    assert [momentum_at(step, 0.996, 100) for step in (0, 50, 100, 200)] == pytest.approx([0.996, 0.998, 1, 1])
    assert momentum_at(70, 0.996, None) == 0.996


def test_a_restart_goes_on_with_the_momentum_of_its_step() -> None:
    risen = BYOLConfig(width=5, hidden=16, momentum=0.9, rise=2)
    first, second = (risen.build(Setting(Linear(4, 6))) for _ in range(2))
    first.after_step()
    first.after_step()
    second.load_state_dict(first.state_dict())
    before = second.state_dict()["target_encoder.linear.weight"].clone()
    with torch.no_grad():
        second.encoder.get_parameter("linear.weight").add_(1.0)
    second.after_step()
    torch.testing.assert_close(second.state_dict()["target_encoder.linear.weight"], before)


def test_two_views_learn_to_predict_each_other(
    objective: BYOL, views: Views, descent: Callable[..., list[float]]
) -> None:
    optimizer = torch.optim.Adam([x for x in objective.parameters() if x.requires_grad], 0.01)
    losses = descent(objective, lambda _: views, 40, optimizer)
    assert losses[-1] < losses[0] / 2
    figures = objective.figures(views)
    assert figures["agreement"] > 0.5
    assert figures["spread"] > 0.5
    assert figures["directions"] > 2 * likeness_chance(12)["directions"]
    assert set(figures) == set(BYOLConfig().chance(12))
