from __future__ import annotations

import math

import pytest
import torch

from musicfeat_trainer.objectives.tagging import batch_class_weights, focal_loss, masked_bce


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, labels and what is known of six clips and four labels, the last of them never known."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(6, 4, generator=generator, dtype=torch.float64)
    there, known = (torch.rand(2, 6, 4, generator=generator) < 0.5).double()
    known[:, 3] = 0
    return logits, there, known


def written_out(logits: torch.Tensor, there: torch.Tensor, known: torch.Tensor) -> list[list[tuple[float, bool]]]:
    """For each label, the probabilities of the right answers that are known, and which answer is right."""
    return [
        [
            (1 / (1 + math.exp(-logit if yes else logit)), bool(yes))
            for logit, yes, seen in zip(*columns, strict=True)
            if seen
        ]
        for columns in zip(logits.T.tolist(), there.T.tolist(), known.T.tolist(), strict=True)
    ]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_masked_bce_written_out(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    terms = [-math.log(p) for label in written_out(*batch) for p, _ in label]
    assert masked_bce(*batch).item() == pytest.approx(mean(terms))


def test_weights_of_the_batch_make_a_mean_over_labels(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    labels = [label for label in written_out(*batch) if label]
    assert len({len(label) for label in labels}) > 1
    expected = mean([mean([-math.log(p) for p, _ in label]) for label in labels])
    weights = batch_class_weights(batch[2])
    assert masked_bce(*batch, weights=weights).item() == pytest.approx(expected)
    assert weights[3] == 0


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 0.25), (0.5, 0.75)])
def test_focal_loss_written_out(
    batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor], gamma: float, alpha: float
) -> None:
    terms = [
        -(alpha if yes else 1 - alpha) * (1 - p) ** gamma * math.log(p)
        for label in written_out(*batch)
        for p, yes in label
    ]
    assert focal_loss(*batch, gamma=gamma, alpha=alpha).item() == pytest.approx(mean(terms))


def test_focal_loss_without_focus_is_cross_entropy(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    torch.testing.assert_close(focal_loss(*batch, gamma=0.0, alpha=None), masked_bce(*batch))


def test_gradients_reach_only_what_is_known(batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
    logits, there, known = batch
    for loss in (masked_bce, focal_loss):
        leaf = logits.clone().requires_grad_()
        loss(leaf, there, known).backward()
        assert leaf.grad is not None
        assert torch.equal(leaf.grad != 0, known > 0)


def test_nothing_known_is_no_loss() -> None:
    logits, nothing = torch.randn(3, 2), torch.zeros(3, 2)
    assert masked_bce(logits, nothing, nothing, batch_class_weights(nothing)) == 0
    assert focal_loss(logits, nothing, nothing) == 0
