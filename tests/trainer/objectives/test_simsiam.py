from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat_trainer.objectives.objective import (
    Setting,
    Views,
    effective_rank,
    likeness_chance,
    likeness_figures,
    spread,
)
from musicfeat_trainer.objectives.simsiam import SimSiam, SimSiamConfig, simsiam_loss
from support.encoders import Linear


@pytest.fixture
def objective() -> SimSiam:
    torch.manual_seed(0)
    objective = SimSiamConfig(width=8, bottleneck=3).build(Setting(Linear(4, 6)))
    assert isinstance(objective, SimSiam)
    return objective


def negative_cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return -dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def test_the_loss_written_out() -> None:
    first, second, from_first, from_second = torch.randn(4, 5, 7, dtype=torch.float64)
    rows = zip(*(x.tolist() for x in (first, second, from_first, from_second)), strict=True)
    terms = [(negative_cosine(z1, p2) + negative_cosine(p1, z2)) / 2 for z1, z2, p1, p2 in rows]
    assert simsiam_loss(first, second, from_first, from_second).item() == pytest.approx(sum(terms) / 5)


def test_no_gradient_flows_into_the_targets(objective: SimSiam, views: Views) -> None:
    """Gradients are those of a loss whose targets are numbers worked out before, and not those without the stop."""
    objective.losses(views)["similarity"].backward()
    found = {name: weight.grad for name, weight in objective.named_parameters()}
    cosine, grads = nn.functional.cosine_similarity, []
    for stopped in (True, False):
        z = [objective.projector(objective.encoder(x)) for x in views.features]
        targets = [torch.tensor(x.tolist()) for x in z] if stopped else z
        loss = -sum(cosine(objective.predictor(z[i]), targets[1 - i]).mean() for i in (0, 1)) / 2
        named = dict(objective.named_parameters())
        grads.append(dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True)))
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, grads[0][name], atol=1e-5, rtol=1e-3)
    assert any(not torch.allclose(grads[0][name], grads[1][name], atol=1e-3) for name in found)


def test_two_views_learn_to_predict_each_other_without_collapse(
    objective: SimSiam, views: Views, descent: Callable[..., list[float]]
) -> None:
    optimizer = torch.optim.SGD(objective.parameters(), 0.1, momentum=0.9)
    losses = descent(objective, lambda _: views, 40, optimizer)
    assert losses[-1] < min(losses[0], -0.8)
    figures = objective.figures(views)
    assert figures["agreement"] > 0.5
    assert figures["spread"] > 0.5
    assert figures["directions"] > 2 * likeness_chance(12)["directions"]
    assert set(figures) == set(SimSiamConfig().chance(12))


def test_spread_tells_a_collapse() -> None:
    assert spread(torch.ones(100, 64)) == pytest.approx(0, abs=1e-6)
    assert spread(torch.randn(2000, 64, generator=torch.Generator().manual_seed(0))) == pytest.approx(1, abs=0.02)


def test_the_effective_rank_counts_directions() -> None:
    """Equal deviations count in full; of two with shares p and 1 - p it is exp of their entropy, written out."""
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(generator.normal(size=(64, 8)))[0]
    basis -= basis.mean(0)
    basis = np.linalg.qr(basis)[0]
    turn = np.linalg.qr(generator.normal(size=(8, 8)))[0]
    assert effective_rank(torch.from_numpy(basis @ turn + 5)) == pytest.approx(8)
    uneven = basis[:, :2] * [3.0, 1.0]
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(torch.from_numpy(uneven @ turn[:2])) == pytest.approx(expected)
    assert effective_rank(torch.ones(10, 4)) == pytest.approx(1)


def test_directions_tell_a_collapse_to_a_line() -> None:
    """Both ends of a line are far apart, so that their spread is as high as that of outputs in all directions."""
    generator = torch.Generator().manual_seed(0)
    line = torch.randn(16, 1, generator=generator).sign() * torch.randn(64, generator=generator)
    figures = likeness_figures(line, line)
    assert figures["spread"] > 0.8
    assert figures["directions"] == pytest.approx(likeness_chance(16)["directions"], abs=1e-6)
    scattered = torch.randn(16, 64, generator=generator)
    assert likeness_figures(scattered, scattered)["directions"] > 0.9


def test_layers_of_the_paper() -> None:
    """With a vector of 2048, as ResNet-50's: three layers of 2048, and a predictor of 512 in between."""
    wide = Linear(4, 6)
    wide.dimension = 2048
    objective = SimSiamConfig().build(Setting(wide))
    shapes = {name: tuple(x.shape) for name, x in objective.named_parameters() if x.ndim == 2 and "encoder" not in name}
    assert sorted(shapes.values()) == [(512, 2048), (2048, 512), *[(2048, 2048)] * 3]
