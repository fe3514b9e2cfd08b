"""Tagging of instruments, learned from labels that may be partly unknown."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def tagging_loss(logits: Tensor, there: Tensor, known: Tensor, smoothing: float = 0.02) -> Tensor:
    """Binary cross-entropy over known labels, smoothed; 0 if none is known."""
    return masked_bce(logits, there * (1 - smoothing) + smoothing / 2, known)


def masked_bce(logits: Tensor, there: Tensor, known: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy over known labels; 0 if none is known.

    Args:
        logits: [batch, labels].
        there: [batch, labels], 1 where the label applies, else 0; values between are allowed.
        known: [batch, labels], 1 where an annotator has said so, else 0.
        weights: [labels], weight of each answer about a label, such as ``batch_class_weights``; None: all alike.
    """
    each = nn.functional.binary_cross_entropy_with_logits(logits, there, reduction="none")
    return _known_mean(each, known if weights is None else known * weights)


def batch_class_weights(known: Tensor) -> Tensor:
    """Weights that let every label of a batch count alike, however often it is known, [batch, labels] -> [labels].

    Addepalli et al. (2019, section 6.4.2) weigh each class by its number of observations in the batch, since labels
    are missing or unbalanced there, and give no formula. The inverse of that number balances them: with it
    ``masked_bce`` is the mean over labels of each label's mean. Labels that the batch lacks weigh 0.
    """
    counts = known.sum(0)
    return torch.where(counts > 0, 1 / counts.clamp(min=1.0), torch.zeros_like(counts))


def focal_loss(logits: Tensor, there: Tensor, known: Tensor, gamma: float = 2.0, alpha: float | None = 0.25) -> Tensor:
    """Mean focal loss over known labels, so that easy answers count little (Lin et al., 2017, equation 5).

    The paper divides its sum by the number of objects in a picture; clips have none, so this is a mean.

    Args:
        logits: [batch, labels].
        there: [batch, labels], 1 where the label applies, else 0.
        known: [batch, labels], 1 where an annotator has said so, else 0.
        gamma: exponent of the wrong answer's probability, a factor of each term; 0 is ``masked_bce``.
        alpha: weight of labels that apply, the others having 1 - alpha; None: no weights.
    """
    each = nn.functional.binary_cross_entropy_with_logits(logits, there, reduction="none")
    each = each * torch.sigmoid(torch.where(there > 0, -logits, logits)) ** gamma
    if alpha is not None:
        each = each * torch.where(there > 0, alpha, 1 - alpha)
    return _known_mean(each, known)


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "weighted": lambda logits, there, known: masked_bce(logits, there, known, batch_class_weights(known)),
    "plain": masked_bce,
    "focal": focal_loss,
}
"""Losses of logits, labels and known labels: each label of a batch alike; each answer alike; hard answers first."""


def _known_mean(each: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean; 0 if all weights are 0."""
    total = weights.sum()
    return (each * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))


def mixed_labels(there: Tensor, known: Tensor, mixed: Tensor) -> tuple[Tensor, Tensor]:
    """Labels of clips, some of which had their predecessor in the batch mixed in quietly.

    Present labels stay present. Missing ones stay missing only if they are known to be missing in the other clip, too.
    """
    missing_in_other = (known.roll(1, 0) > 0) & (there.roll(1, 0) == 0)
    sure = ~mixed[:, None] | (there > 0) | missing_in_other
    return there, torch.where(sure, known, torch.zeros_like(known))
