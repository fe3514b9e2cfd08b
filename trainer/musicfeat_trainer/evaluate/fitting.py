"""Training loop for layers on top of an encoder, and for the encoder itself in fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from musicfeat_trainer.section import Section

TagLoss: TypeAlias = Literal["weighted", "plain", "focal"]


class Fitting(Section):
    """Adam with a tenth of the rate whenever validation stalls, early stopping, seed 7 (Addepalli et al., 2019, 6.2).

    The paper leaves the numbers open: rate and tenth are the defaults of Adam and of ReduceLROnPlateau.
    """

    batch: int = Field(64, gt=0)
    epochs: int = Field(100, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    plateau_patience: int = Field(3, ge=0)
    """Epochs without a better score before the rate falls."""
    patience: int = Field(12, gt=0)
    """Epochs without a better score before training stops."""
    seed: int = 7
    hidden: tuple[int, ...] = ()
    """Widths of a probe's hidden layers: (128, 128) for Gururani et al. (2019), who leave them open; (512,) for CLMR's
    public code, one as wide as its embedding; (1024, 512, 128) for Siamusic's. None: a linear probe."""
    tag_loss: TagLoss = "weighted"
    """Loss of tags: each tag of a batch counts alike; each known answer alike; or hard answers first (focal loss)."""


class Epoch(NamedTuple):
    """Results of one epoch."""

    loss: float
    """Mean loss over its training examples."""
    score: float
    """Validation figure after it."""


def fit(
    module: nn.Module, loss: Callable[[Tensor], Tensor], examples: int, score: Callable[[], float], config: Fitting
) -> list[Epoch]:
    """Train a module, and leave it with the weights of its best epoch.

    Args:
        module: module whose parameters learn.
        loss: loss of the training examples with given numbers, [batch] int64.
        examples: number of training examples; each epoch goes through all, in batches of about equal size.
        score: validation figure, higher is better, called in evaluation mode without gradients.
        config: settings of the training.

    Returns:
        All epochs; the last ones may come after the best.
    """
    optimizer = torch.optim.Adam(module.parameters(), config.learning_rate)
    schedule = ReduceLROnPlateau(optimizer, mode="max", patience=config.plateau_patience)
    generator = torch.Generator().manual_seed(config.seed)
    epochs: list[Epoch] = []
    best, best_epoch, weights = float("-inf"), 0, _weights(module)
    for epoch in range(config.epochs):
        mean = _epoch(module, optimizer, loss, torch.randperm(examples, generator=generator), config.batch)
        with torch.no_grad():
            module.eval()
            reached = score()
        epochs.append(Epoch(mean, reached))
        schedule.step(reached)
        if reached > best:
            best, best_epoch, weights = reached, epoch, _weights(module)
        elif epoch - best_epoch >= config.patience:
            break
    module.load_state_dict(weights)
    return epochs


def _epoch(
    module: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[Tensor], Tensor], order: Tensor, batch: int
) -> float:
    module.train()
    total = 0.0
    # Batches of equal size: batch normalisation fails on a last batch of one example.
    for numbers in torch.tensor_split(order, -(-len(order) // batch)):
        optimizer.zero_grad(set_to_none=True)
        value = loss(numbers)
        value.backward()
        optimizer.step()
        total += value.item() * len(numbers)
    return total / len(order)


def _weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}
