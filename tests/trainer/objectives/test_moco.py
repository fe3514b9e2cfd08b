from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from musicfeat_trainer.objectives.moco import MoCo, MoCoConfig, Queue, info_nce
from musicfeat_trainer.objectives.objective import Setting, Views
from support.encoders import Linear

BATCH, QUEUE, WIDTH = 5, 12, 8


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return nn.functional.normalize(drawn, dim=-1)


def small(version: int = 2, queue: int = QUEUE, momentum: float = 0.9) -> MoCo:
    torch.manual_seed(0)
    found = MoCoConfig(version=version, queue=queue, width=WIDTH, momentum=momentum).build(Setting(Linear(6, 10)))
    assert isinstance(found, MoCo)
    return found


def pairs(step: int) -> Views:
    """Two looks at points: three coordinates stay, three are other noise in each."""
    first, second = torch.randn(2, BATCH, 6, generator=torch.Generator().manual_seed(step))
    return Views((first, torch.cat([first[:, :3], second[:, 3:]], dim=1)), torch.arange(BATCH))


def test_loss_written_out() -> None:
    queries, keys, queue = unit(BATCH, WIDTH), unit(BATCH, WIDTH, seed=1), unit(QUEUE, WIDTH, seed=2)
    terms = []
    for query, key in zip(queries.numpy(), keys.numpy(), strict=True):
        own = np.exp(query @ key / 0.07)
        terms.append(-np.log(own / (own + sum(np.exp(query @ other / 0.07) for other in queue.numpy()))))
    assert info_nce(queries, keys, queue, 0.07).item() == pytest.approx(np.mean(terms))


def test_loss_is_that_of_a_reference_library() -> None:
    """Each query with its key as positive pair and the whole queue as negatives."""
    queries, keys, queue = unit(BATCH, WIDTH), unit(BATCH, WIDTH, seed=1), unit(QUEUE, WIDTH, seed=2)
    rows = torch.arange(BATCH)
    negatives = rows.repeat_interleave(QUEUE), BATCH + torch.arange(QUEUE).repeat(BATCH)
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="install the test-all extra")
    reference = losses.NTXentLoss(temperature=0.2)(
        queries,
        rows,
        (rows, rows, *negatives),
        ref_emb=torch.cat([keys, queue]),
        ref_labels=torch.arange(BATCH + QUEUE),
    )
    torch.testing.assert_close(info_nce(queries, keys, queue, 0.2), reference)


@pytest.mark.parametrize("sizes", [(3, 3, 3, 3, 3), (4, 1, 5, 2), (12, 12), (30,), (7, 25, 2)])
def test_the_queue_holds_what_a_list_would(sizes: tuple[int, ...]) -> None:
    queue, start = Queue(QUEUE, 2), 0
    expected = queue.keys.tolist()
    for size in sizes:
        keys = torch.arange(start, start + 2.0 * size).view(size, 2)
        start += 2 * size
        queue.push(keys)
        expected = (expected + keys.tolist())[-QUEUE:]
        oldest = int(queue.position)
        assert queue.keys.roll(-oldest, 0).tolist() == expected


def test_versions_differ_as_published() -> None:
    first, second = (MoCoConfig(version=v, queue=2).build(Setting(Linear(6, 10))) for v in (1, 2))
    assert (first.temperature, second.temperature) == (0.07, 0.2)
    assert [type(layer) for layer in first.head] == [nn.Linear]
    assert [type(layer) for layer in second.head] == [nn.Linear, nn.ReLU, nn.Linear]
    config = MoCoConfig()
    assert (config.momentum, config.queue, config.width) == (0.999, 65536, 128)
    assert MoCoConfig(queue=2, temperature=0.5).build(Setting(Linear(6, 10))).temperature == 0.5


@pytest.mark.parametrize("version", [1, 2])
def test_a_step_is_what_the_paper_says(version: int) -> None:
    """Keys come from the copies and the queue of before; afterwards both have moved as written out."""
    objective = small(version)
    with torch.no_grad():
        for weight in objective.key_encoder.parameters():
            weight.add_(0.1)
    before, views = copy.deepcopy(objective), pairs(0)
    optimizer = torch.optim.SGD([w for w in objective.parameters() if w.requires_grad], 0.1)
    loss = objective.losses(views)["contrastive"]
    with torch.no_grad():
        queries = nn.functional.normalize(before.head(before.encoder(views.features[0])), dim=1)
        keys = nn.functional.normalize(before.key_head(before.key_encoder(views.features[1])), dim=1)
    torch.testing.assert_close(loss, info_nce(queries, keys, before.queue.keys, objective.temperature))
    loss.backward()
    assert all(weight.grad is None for weight in objective.key_encoder.parameters())
    optimizer.step()
    objective.after_step()
    for new, old, learnt in zip(
        objective.key_encoder.parameters(), before.key_encoder.parameters(), objective.encoder.parameters(), strict=True
    ):
        torch.testing.assert_close(new.data, 0.9 * old.data + 0.1 * learnt.data)
    torch.testing.assert_close(objective.queue.keys[:BATCH], keys)
    assert torch.equal(objective.queue.keys[BATCH:], before.queue.keys[BATCH:])


@pytest.mark.parametrize("version", [1, 2])
def test_learning_tells_points_apart(version: int, descent: Callable[..., list[float]]) -> None:
    objective = small(version, queue=17)
    optimizer = torch.optim.Adam([w for w in objective.parameters() if w.requires_grad], 0.01)
    losses = descent(objective, pairs, 200, optimizer)
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    assert objective.figures(pairs(999))["agreement"] == 1.0
    assert MoCoConfig().chance(4) == {"agreement": 0.25}
