from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat_trainer.objectives.npid import NPID, NPIDConfig, halves, nce
from musicfeat_trainer.objectives.objective import Setting, Views
from support.encoders import Linear

INSTANCES, BATCH, FEATURES, NOISE = 200, 32, 12, 20


def small(**settings: float) -> NPID:
    torch.manual_seed(0)
    found = NPIDConfig(noise=NOISE, width=16, **settings).build(Setting(Linear(FEATURES, 10)))
    assert isinstance(found, NPID)
    found.prepare(INSTANCES)
    return found


def drawn(step: int) -> Views:
    """Noisy looks at some of the fixed points."""
    generator = torch.Generator().manual_seed(step)
    points = torch.randn(INSTANCES, FEATURES, generator=torch.Generator().manual_seed(99))
    rows = torch.randperm(INSTANCES, generator=generator)[:BATCH]
    return Views((points[rows] + 0.1 * torch.randn(BATCH, FEATURES, generator=generator),), rows)


def test_loss_written_out() -> None:
    """Posterior by posterior, as the paper defines them."""
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(3, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    z, n, m, terms = 40.0, 25, 7, []
    for positive, negatives in zip(own.numpy(), noise.numpy(), strict=True):
        model = np.exp(positive[0]) / z
        term = -np.log(model / (model + m / n))
        for negative in negatives:
            model = np.exp(negative) / z
            term -= np.log(1 - model / (model + m / n))
        terms.append(term)
    found = nce(own, noise, torch.tensor(z, dtype=torch.float64).log(), n)
    assert found.item() == pytest.approx(np.mean(terms))


def test_nce_with_much_noise_has_the_gradient_of_the_softmax() -> None:
    """Gutmann and Hyvarinen, 2010: with Z exact and every instance drawn often, both gradients agree."""
    logits = torch.randn(1, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    often = 20000
    noise = logits.repeat(1, often)
    log_partition = logits.detach().logsumexp(1).squeeze()
    (found,) = torch.autograd.grad(nce(logits[:, 2:3], noise, log_partition, 6), logits)
    (expected,) = torch.autograd.grad(nn.functional.cross_entropy(logits, torch.tensor([2])), logits)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


def test_the_partition_is_the_first_batchs_for_good() -> None:
    objective, views = small(), drawn(0)
    with torch.no_grad():
        cosines = objective.project(views.features[0]) @ objective.bank.vectors.T
    torch.manual_seed(5)
    objective.losses(views)
    torch.manual_seed(5)
    rows = torch.randint(INSTANCES, (BATCH, NOISE))
    total = [np.exp(cosines[i, j].item() / 0.07) for i in range(BATCH) for j in rows[i].tolist()]
    assert objective.partition.item() == pytest.approx(INSTANCES * np.mean(total), rel=1e-4)
    before = objective.partition.clone()
    objective.losses(drawn(1))
    assert torch.equal(objective.partition, before)


def test_what_was_encoded_is_remembered_after_the_step() -> None:
    objective, views = small(), drawn(0)
    before = objective.bank.vectors.clone()
    sum(objective.losses(views).values()).backward()
    assert torch.equal(objective.bank.vectors, before)
    objective.after_step()
    vectors = objective.project(views.features[0]).detach()
    for i in range(INSTANCES):
        expected = before[i]
        if i in views.instances.tolist():
            mixed = 0.5 * before[i] + 0.5 * vectors[views.instances.tolist().index(i)]
            expected = mixed / mixed.norm()
        torch.testing.assert_close(objective.bank.vectors[i], expected)


def test_the_proximal_term_is_the_squared_distance_to_what_is_remembered() -> None:
    objective, views = small(proximal=30.0), drawn(0)
    vectors = objective.project(views.features[0]).detach().numpy()
    remembered = objective.bank.vectors.numpy()
    expected = np.mean([((vectors[i] - remembered[j]) ** 2).sum() for i, j in enumerate(views.instances.tolist())])
    assert objective.losses(views)["proximal"].item() == pytest.approx(30 * expected, rel=1e-5)
    assert set(small().losses(views)) == {"nce"}


def test_published_settings() -> None:
    config = NPIDConfig()
    assert (config.noise, config.temperature, config.momentum, config.width) == (4096, 0.07, 0.5, 128)
    assert config.chance(4) == {"agreement": 0.25}


def test_learning_tells_instances_apart(descent: Callable[..., list[float]]) -> None:
    objective = small(temperature=0.2)
    optimizer = torch.optim.Adam(objective.parameters(), 0.01)
    losses = descent(objective, drawn, 60, optimizer, seeded=True)
    assert np.mean(losses[-10:]) < 0.65 * np.mean(losses[:10])
    views = drawn(1000)
    nearest = objective.bank.cosines(objective.project(views.features[0])).argmax(1)
    assert torch.equal(nearest, views.instances)


@pytest.mark.parametrize("shape", [(2, 9), (2, 3, 9, 4)])
def test_halves_of_clips_are_played_twice(shape: tuple[int, ...]) -> None:
    clips = torch.randn(shape)
    axis = 1 if clips.ndim == 2 else 2
    first, second = (half.movedim(axis, 0) for half in halves(clips))
    played = clips.movedim(axis, 0)
    for frame in range(9):
        assert torch.equal(first[frame], played[frame % 4])
        assert torch.equal(second[frame], played[4 + frame % 4])


def test_the_figure_is_one_where_both_halves_sound_alike() -> None:
    objective = small()
    steady = torch.randn(6, FEATURES // 2).repeat(1, 2)
    assert objective.figures(Views((steady,), torch.arange(6))) == {"agreement": 1.0}
    unlike = torch.cat([steady[:, :6], steady.roll(1, 0)[:, :6]], dim=1)
    assert objective.figures(Views((unlike,), torch.arange(6))) == {"agreement": 0.0}
