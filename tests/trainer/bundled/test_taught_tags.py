from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from musicfeat_trainer.bundled.taught_tags import TaughtTags
from musicfeat_trainer.objectives.distillation import Distillation

CLIPS, TAGS = 20000, 3
CORRELATION = 0.76


@pytest.fixture(scope="module")
def said() -> tuple[torch.Tensor, torch.Tensor]:
    """Knowledge of clips, and the logits of a teacher that correlate with it: common, rare and hardly varying ones."""
    generator = torch.Generator().manual_seed(0)
    knowledge = torch.randn(CLIPS, TAGS, generator=generator)
    other = torch.randn(CLIPS, TAGS, generator=generator)
    standard = CORRELATION * knowledge + (1 - CORRELATION**2) ** 0.5 * other
    return knowledge, torch.tensor([0.0, -4.0, -3.0]) + torch.tensor([1.5, 1.0, 0.2]) * standard


@pytest.fixture(scope="module")
def distillation(said: tuple[torch.Tensor, torch.Tensor]) -> Distillation:
    """Layers that predict the logits as well as a linear map of the knowledge can."""
    found = Distillation(8, [(TAGS, 0)], width=TAGS)
    found.fit(torch.sigmoid(said[1]))
    with torch.no_grad():
        found.said.weight.copy_(CORRELATION * torch.eye(TAGS))
        found.said.bias.zero_()
    return found


def test_probabilities_are_shares_of_clips_among_the_teachers_highest(
    said: tuple[torch.Tensor, torch.Tensor], distillation: Distillation
) -> None:
    """The logistic function stands for the normal distribution to a few hundredths."""
    knowledge, logits = said
    with torch.no_grad():
        found = TaughtTags(distillation, [[0], [1], [2]])(knowledge)
    there = logits > torch.quantile(logits, 0.95, dim=0)
    for tag in range(TAGS):
        assert float(found[:, tag].mean()) == pytest.approx(0.05, abs=0.01)
        assert roc_auc_score(there[:, tag], found[:, tag]) > 0.9
        for low in np.arange(0.1, 0.7, 0.1):
            inside = (found[:, tag] >= low) & (found[:, tag] < low + 0.1)
            assert float(there[inside, tag].float().mean()) == pytest.approx(low + 0.05, abs=0.12)
    expected = norm.sf((norm.isf(0.05) - CORRELATION * knowledge) / (1 - CORRELATION**2) ** 0.5)
    np.testing.assert_allclose(found, expected, atol=0.13)


def test_answers_that_mean_the_same_count_together(distillation: Distillation) -> None:
    knowledge = torch.tensor([[2.0, 0.0, 0.0], [2.0, 2.0, 0.0]])
    with torch.no_grad():
        both, first = TaughtTags(distillation, [[0, 1]])(knowledge), TaughtTags(distillation, [[0]])(knowledge)
    assert both[0, 0] < first[0, 0]
    assert both[1, 0] == pytest.approx(float(first[1, 0]))
