from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from musicfeat import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.objectives.odd_one_out import OddOneOut, OddOneOutConfig
from musicfeat_trainer.objectives.pieces import PiecesConfig

STRETCHES, PIECES, EDGE = 4, 3, 2
LENGTH = 24
"""Frames of a stretch."""


class Falls(Encoder):
    """Encoder of how often and how far a picture falls from frame to frame: nothing, where time runs on."""

    dimension = 2

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(2))

    def forward(self, features: Tensor) -> Tensor:
        falls = (-features.diff(dim=2)).clamp(min=0).flatten(1)
        return torch.stack([falls.sum(1), (falls > 0).float().sum(1)], dim=1) * self.gain


@pytest.fixture
def objective() -> OddOneOut:
    torch.manual_seed(0)
    config = OddOneOutConfig(stretches=STRETCHES, pieces=PIECES, edge=EDGE)
    objective = config.build(Setting(Falls()))
    assert isinstance(objective, OddOneOut)
    return objective


@pytest.fixture
def clips() -> Tensor:
    """Frames count up, each clip from another number: [batch, 1, frames, bands]."""
    frames = torch.arange(float(STRETCHES * LENGTH + 3)).view(1, 1, -1, 1)
    return (frames + 1000 * torch.arange(16.0).view(-1, 1, 1, 1)).expand(-1, -1, -1, 5) / 100


def test_one_stretch_of_each_clip_has_its_pieces_in_another_order(objective: OddOneOut, clips: Tensor) -> None:
    found, odd = objective.drawn(clips)
    kept = LENGTH // PIECES - 2 * EDGE
    assert found.shape == (16, STRETCHES, 1, PIECES * kept, 5)
    numbers = (found[:, :, 0, :, 0] * 100).round().long() % 1000
    for clip, place in zip(numbers, odd, strict=True):
        for stretch, frames in enumerate(clip):
            straight = torch.cat(
                [stretch * LENGTH + piece * (LENGTH // PIECES) + EDGE + torch.arange(kept) for piece in range(PIECES)]
            )
            assert torch.equal(frames.sort().values, straight)
            assert torch.equal(frames, straight) == (stretch != place)
    assert len(odd.unique()) == STRETCHES


def test_it_learns_to_find_the_odd_one(objective: OddOneOut, clips: Tensor) -> None:
    optimizer = torch.optim.Adam(objective.parameters(), 0.05)
    views = Views((clips,), torch.arange(16))
    for step in range(150):
        torch.manual_seed(step)
        loss = objective.losses(views)["odd_one_out"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.manual_seed(1000)
    assert objective.eval().figures(views)["odd_one_out"] > 0.9
    assert objective.config.chance(16) == {"odd_one_out": 1 / STRETCHES}


def test_what_it_cannot_cut_is_explained() -> None:
    with pytest.raises(InputError, match="leave the table"):
        OddOneOutConfig().build(Setting(Falls(), pieces=PiecesConfig()))
    objective = OddOneOutConfig().build(Setting(Falls()))
    assert isinstance(objective, OddOneOut)
    with pytest.raises(InputError, match="cuts pictures"):
        objective.drawn(torch.zeros(2, 22050))
    with pytest.raises(InputError, match="more than 30 frames"):
        objective.drawn(torch.zeros(2, 1, 100, 5))
