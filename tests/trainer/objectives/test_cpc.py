from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from musicfeat import InputError
from musicfeat_trainer import precision
from musicfeat_trainer.encoders.sample_cnn import SampleCNN
from musicfeat_trainer.objectives.cpc import CPC, CPCConfig
from musicfeat_trainer.objectives.objective import Setting, Views
from support.encoders import Strides

STEP, STEPS, BATCH, FUTURE = 4, 7, 5, 2


def cpc() -> CPC:
    torch.manual_seed(0)
    objective = CPCConfig(context=8, future=FUTURE).build(Setting(Strides(STEP, 6)))
    assert isinstance(objective, CPC)
    return objective


@pytest.fixture
def waveforms() -> Tensor:
    return 3 * torch.randn(BATCH, STEP * STEPS, generator=torch.Generator().manual_seed(1))


def moments(objective: CPC, waveforms: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Predictions and what came, [batch, dimension] each, for every moment and distance: by hand from the weights."""
    steps = objective.encoder(waveforms.reshape(-1, STEP)).reshape(BATCH, STEPS, -1)
    maps = objective.predictor.weight.reshape(FUTURE, objective.encoder.dimension, -1)
    pairs = []
    for k in range(1, FUTURE + 1):
        for t in range(STEPS - k):
            context = objective.recurrent(steps[:, : t + 1])[1][0]
            pairs.append((context @ maps[k - 1].T, steps[:, t + k]))
    return pairs


def weighted_mean(values: list[float]) -> float:
    """Distances count alike, though the far ones have fewer moments."""
    parts, start = [], 0
    for k in range(1, FUTURE + 1):
        parts.append(sum(values[start : start + STEPS - k]) / (STEPS - k))
        start += STEPS - k
    return sum(parts) / FUTURE


def found(objective: CPC, waveforms: Tensor) -> float:
    return objective.losses(Views((waveforms,), torch.arange(BATCH)))["contrastive"].item()


def test_the_loss_written_out(waveforms: Tensor) -> None:
    objective, terms = cpc(), []
    for predictions, came in moments(objective, waveforms):
        rows = []
        for i, prediction in enumerate(predictions.tolist()):
            fits = [math.exp(sum(a * b for a, b in zip(prediction, z, strict=True))) for z in came.tolist()]
            rows.append(-math.log(fits[i] / sum(fits)))
        terms.append(sum(rows) / BATCH)
    assert found(objective, waveforms) == pytest.approx(weighted_mean(terms), rel=1e-5)


def test_the_loss_is_that_of_a_reference_library(waveforms: Tensor) -> None:
    objective, labels = cpc(), torch.arange(BATCH)
    losses, distances = (
        pytest.importorskip(f"pytorch_metric_learning.{part}", reason="install the test-all extra")
        for part in ("losses", "distances")
    )
    dot = distances.DotProductSimilarity(normalize_embeddings=False)
    reference = losses.NTXentLoss(temperature=1.0, distance=dot)
    terms = [
        reference(predictions, labels, ref_emb=came, ref_labels=labels.clone()).item()
        for predictions, came in moments(objective, waveforms)
    ]
    assert found(objective, waveforms) == pytest.approx(weighted_mean(terms), rel=1e-5)


def test_the_share_told_right_written_out(waveforms: Tensor) -> None:
    objective = cpc()
    right = [
        float(((predictions @ came.T).argmax(1) == torch.arange(BATCH)).float().mean())
        for predictions, came in moments(objective, waveforms)
    ]
    figures = objective.figures(Views((waveforms,), torch.arange(BATCH)))
    assert figures == {"future": pytest.approx(weighted_mean(right))}
    assert CPCConfig().chance(BATCH) == {"future": 1 / BATCH}


def test_the_embedding_is_the_mean_context(waveforms: Tensor) -> None:
    objective = cpc()
    steps = objective.encoder(waveforms.reshape(-1, STEP)).reshape(BATCH, STEPS, -1)
    contexts = [objective.recurrent(steps[:, : t + 1])[1][0] for t in range(STEPS)]
    torch.testing.assert_close(objective.embed(waveforms), torch.stack(contexts).mean(0))


def test_the_future_of_steady_tones_is_learned(descent: Callable[..., list[float]]) -> None:
    objective = cpc()
    levels = torch.linspace(-2, 2, BATCH)[:, None] + torch.randn(BATCH, STEP * STEPS) / 10
    views = Views((levels,), torch.arange(BATCH))
    optimizer = torch.optim.Adam(objective.parameters(), 0.02)
    losses = descent(objective, lambda _: views, 150, optimizer)
    assert losses[-1] < losses[0] / 2
    assert objective.figures(views)["future"] > 0.7


def test_encoders_run_in_mixed_precision_and_the_rest_does_not(
    waveforms: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _: True)  # slowly, where it must be emulated
    objective = cpc()
    exact = objective.embed(waveforms)
    objective.mixed_precision = True
    rounded = objective.embed(waveforms)
    assert rounded.dtype == torch.float32
    assert 1e-5 < (rounded - exact).abs().max() < 0.05


def test_an_encoder_without_time_is_refused() -> None:
    with pytest.raises(InputError, match="SampleCNN gives one vector"):
        CPCConfig().build(Setting(SampleCNN()))


def test_too_short_clips_are_refused(waveforms: Tensor) -> None:
    objective = cpc()
    with pytest.raises(InputError, match="2 steps, and 2"):
        objective.losses(Views((waveforms[:, : 2 * STEP],), torch.arange(BATCH)))
