from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from musicfeat import InputError
from musicfeat_trainer.encoders.sample_cnn import SampleCNN
from musicfeat_trainer.objectives.inpainting import Inpainting, InpaintingConfig, drawn_gaps
from musicfeat_trainer.objectives.objective import Setting, Views
from support.encoders import Strides

SAMPLES = 66


def inpainting(error: Literal["squared", "absolute"] = "squared") -> Inpainting:
    torch.manual_seed(0)
    objective = InpaintingConfig(hidden=16, error=error).build(Setting(Strides(8, 12)))
    assert isinstance(objective, Inpainting)
    return objective


def views(waveforms: Tensor) -> Views:
    return Views((waveforms,), torch.arange(len(waveforms)))


def test_gaps_are_one_stretch_each_and_anywhere() -> None:
    torch.manual_seed(0)
    gaps = drawn_gaps(400, 20, 0.25)
    starts = set()
    for row in gaps.tolist():
        start = row.index(True)
        assert row == [start <= i < start + 5 for i in range(20)]
        starts.add(start)
    assert starts == set(range(16))


@pytest.mark.parametrize("error", ["squared", "absolute"])
def test_the_loss_counts_the_gaps_alone(error: Literal["squared", "absolute"]) -> None:
    """Written out; the last two samples of a clip are beyond the encoder's last step."""
    objective, waveforms = inpainting(error), torch.randn(3, SAMPLES)
    torch.manual_seed(4)
    found = objective.losses(views(waveforms))["inpainting"].item()
    torch.manual_seed(4)
    gaps = drawn_gaps(3, SAMPLES, 0.25)
    silenced = torch.tensor(
        [[0.0 if gap else x for x, gap in zip(*rows, strict=True)]
         for rows in zip(waveforms.tolist(), gaps.tolist(), strict=True)]
    )  # fmt: skip
    filled = objective.samples(objective.recurrent(objective.encoder.sequence(silenced))[0]).reshape(3, -1)
    terms = []
    for i, row in enumerate(filled.tolist()):
        terms += [y - waveforms[i, t].item() for t, y in enumerate(row) if gaps[i, t]]
    powers = [abs(x) if error == "absolute" else x * x for x in terms]
    assert found == pytest.approx(sum(powers) / len(powers), rel=1e-5)


def test_silence_explains_nothing() -> None:
    objective, waveforms = inpainting(), torch.randn(3, SAMPLES)
    nn.init.zeros_(objective.samples.weight)
    nn.init.zeros_(objective.samples.bias)
    assert objective.figures(views(waveforms)) == InpaintingConfig().chance(3) == {"inpainting": 0.0}


def test_a_tone_is_carried_into_its_gap(descent: Callable[..., list[float]]) -> None:
    """Sines of random phase: what fills a gap can be known only from what is around it."""
    torch.manual_seed(1)
    objective = inpainting()
    phases = 2 * math.pi * torch.rand(32, 1)
    tones = views(torch.sin(2 * math.pi * torch.arange(SAMPLES) / 8 + phases))
    optimizer = torch.optim.Adam(objective.parameters(), 0.01)
    losses = descent(objective, lambda _: tones, 100, optimizer)
    assert losses[0] > 0.4
    assert losses[-1] < 0.1
    assert objective.figures(tones)["inpainting"] > 0.8


def test_an_encoder_without_time_is_refused() -> None:
    with pytest.raises(InputError, match="SampleCNN gives one vector"):
        InpaintingConfig().build(Setting(SampleCNN()))


def test_an_encoder_of_unknown_steps_is_refused() -> None:
    encoder = Strides(8, 12)
    encoder.step = None  # type: ignore[assignment]
    with pytest.raises(InputError, match="every so many samples"):
        InpaintingConfig().build(Setting(encoder))
