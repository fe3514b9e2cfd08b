from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import permutations
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat import InputError
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.objectives.pieces import PiecesConfig
from musicfeat_trainer.objectives.pirl import PIRL, PIRLConfig, drawn_orders, drawn_others, pirl_nce
from support.encoders import Linear

INSTANCES, FRAMES, BANDS = 16, 12, 4


def small(along: Literal["channels", "time"] = "channels", **settings: float) -> PIRL:
    torch.manual_seed(0)
    pieces = PiecesConfig(edge=0, along=along)
    found = PIRLConfig(negatives=30, width=8, **settings).build(Setting(Linear(FRAMES * BANDS, 10), pieces=pieces))
    assert isinstance(found, PIRL)
    found.prepare(INSTANCES)
    return found


def drawn(objective: PIRL, step: int) -> Views:
    """Five noisy looks at fixed pictures, each of a timbre of its own."""
    fixed, generator = torch.Generator().manual_seed(99), torch.Generator().manual_seed(step)
    pictures = torch.randn(INSTANCES, 1, 1, BANDS, generator=fixed).expand(-1, -1, FRAMES, -1)
    rows = torch.randperm(INSTANCES, generator=generator)[:5]
    noisy = pictures[rows] + 0.1 * torch.randn(5, 1, FRAMES, BANDS, generator=generator)
    return Views((objective.pieces.arranged(noisy),), rows)


def written_out(own: float, others: np.ndarray) -> float:
    """The paper's loss of one clip, as it stands there."""
    total = sum(np.exp(x) for x in others)
    same = np.exp(own) / (np.exp(own) + total)
    return -np.log(same) - sum(np.log(1 - np.exp(x) / (np.exp(x) + total)) for x in others)


def test_loss_written_out() -> None:
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(4, 1, generator=generator, dtype=torch.float64)
    others = torch.randn(4, 9, generator=generator, dtype=torch.float64)
    expected = np.mean([written_out(o.item(), x) for o, x in zip(own[:, 0], others.numpy(), strict=True)])
    assert pirl_nce(own, others).item() == pytest.approx(expected)


@pytest.mark.parametrize("along", ["channels", "time"])
def test_both_heads_face_the_memory(along: Literal["channels", "time"]) -> None:
    objective = small(along, weight=0.3)
    views = drawn(objective, 0)
    torch.manual_seed(5)
    losses = {key: value.item() for key, value in objective.losses(views).items()}
    torch.manual_seed(5)
    orders = drawn_orders(5, 3)
    others = drawn_others(views.instances, INSTANCES, 30)
    memory, found = objective.bank.vectors.double().numpy(), {}
    for name, head, weight in (("clip", objective.clip_head, 0.7), ("jigsaw", objective.jigsaw_head, 0.3)):
        terms = []
        for i, instance in enumerate(views.instances.tolist()):
            pieces = views.features[0][i].reshape(3, -1, BANDS)
            picture = torch.stack([pieces[j] for j in orders[i]]) if name == "jigsaw" else pieces
            vector = head(objective.encoder(picture.reshape(1, -1)))[0].detach().double().numpy()
            logits = memory @ (vector / np.linalg.norm(vector)) / 0.07
            terms.append(written_out(logits[instance], logits[others[i].numpy()]))
        found[name] = weight * np.mean(terms)
    assert losses == pytest.approx(found, rel=1e-4)


def test_the_memory_follows_the_clip_not_its_jigsaw() -> None:
    objective = small()
    views, before = drawn(objective, 0), objective.bank.vectors.clone()
    sum(objective.losses(views).values()).backward()
    objective.after_step()
    vectors = nn.functional.normalize(objective.clip_head(objective.encoder(views.features[0])), dim=1).detach()
    mixed = 0.5 * before[views.instances] + 0.5 * vectors
    torch.testing.assert_close(objective.bank.vectors[views.instances], mixed / mixed.norm(dim=1, keepdim=True))


def test_orders_are_all_but_the_true_one() -> None:
    torch.manual_seed(0)
    found = Counter(map(tuple, drawn_orders(5000, 3).tolist()))
    assert set(found) == set(permutations(range(3))) - {(0, 1, 2)}
    assert min(found.values()) > 850


def test_others_are_all_but_the_own_instance() -> None:
    torch.manual_seed(0)
    own = torch.tensor([0, 2, 3])
    for instance, row in zip(own.tolist(), drawn_others(own, 4, 3000), strict=True):
        found = Counter(row.tolist())
        assert set(found) == set(range(4)) - {instance}
        assert min(found.values()) > 850


def test_published_settings() -> None:
    config = PIRLConfig()
    assert (config.weight, config.negatives, config.temperature, config.momentum) == (0.5, 32000, 0.07, 0.5)
    assert config.chance(4) == {"agreement": 0.25}


def test_without_pieces_there_is_nothing_to_shuffle() -> None:
    with pytest.raises(InputError, match="pieces"):
        PIRLConfig().build(Setting(Linear(FRAMES * BANDS, 10)))


def test_learning_tells_instances_apart_whatever_their_order(descent: Callable[..., list[float]]) -> None:
    objective = small()
    optimizer = torch.optim.Adam(objective.parameters(), 0.01)
    losses = descent(objective, lambda step: drawn(objective, step), 80, optimizer, seeded=True)
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    assert objective.figures(drawn(objective, 1000))["agreement"] == 1.0
