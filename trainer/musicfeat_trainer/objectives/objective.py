"""Interface of every method of self-supervision for the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.pieces import PiecesConfig
from musicfeat_trainer.precision import autocast
from musicfeat_trainer.section import Section


class ObjectiveConfig(Section):
    """The table of an objective in a recipe; subclasses add ``name`` and their settings."""

    def build(self, setting: Setting) -> Objective:
        """The objective around an encoder.

        Raises:
            InputError: the setting lacks what the method needs.
        """
        raise NotImplementedError

    def chance(self, batch: int) -> Mapping[str, float]:
        """Values that guessing reaches, by the names of the objective's ``figures``."""
        raise NotImplementedError


class Setting(NamedTuple):
    """Parts that an objective is built from."""

    encoder: Encoder
    second: Encoder | None = None
    """Encoder of the second view; None: the first one reads both."""
    pieces: PiecesConfig | None = None
    """Settings by which features are already cut into pieces; None: clips stay whole."""


class Views(NamedTuple):
    """Features of the clips of one step."""

    features: tuple[Tensor, ...]
    """Features of each of the objective's ``views``, [batch, ...], augmented and arranged; row i of all is clip i."""
    instances: Tensor
    """Numbers of the clips' stretches of the training data, [batch] int64, which index memory banks."""
    said: Tensor | None = None
    """Answers of the objective's teachers for each clip, [batch, all their numbers]; None without teachers."""


class Objective(nn.Module, ABC):
    """An encoder under training with the heads, copies and memories that its method needs.

    All randomness of a loss comes from the global torch generator, which the loop seeds before each step, so that a
    resumed run draws the same as an undisturbed one. State that must survive a checkpoint is a parameter or a buffer.
    """

    views: ClassVar[int] = 2
    """Number of views of each clip in a step."""
    two_encoders: ClassVar[bool] = False
    """True if the second view may have an encoder of its own."""
    flips: ClassVar[bool] = False
    """True if features are flipped in time, so that frontends must treat both directions alike."""
    watched: ClassVar[tuple[str, ...]] = ()
    """Figures whose mean picks the best checkpoint and stops training; empty: all."""
    mixed_precision: bool = False
    """True if encoders run in bfloat16; heads and losses never do."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def encode(self, features: Tensor, encoder: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Output of the encoder, a copy of it or its ``sequence_of`` for features, in their precision.

        Every loss calls encoders through this method.
        """
        with autocast(features.device, self.mixed_precision):
            return (encoder or self.encoder)(features).to(features.dtype)

    @abstractmethod
    def losses(self, views: Views) -> dict[str, Tensor]:
        """Weighted losses of one step."""

    @abstractmethod
    def figures(self, views: Views) -> dict[str, float]:
        """Figures of the pretext task on held-out clips; called in evaluation mode, without gradients."""

    def certainty(self, views: Views) -> Tensor:  # noqa: ARG002
        """Probability of the right answer for clips as recorded (forwards, in order), [batch]; in evaluation mode.

        Raises:
            InputError: the method asks no question with a right answer.
        """
        raise InputError("this method has no right and wrong answers")

    def judgements(self, embedding: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """Further outputs of a model file beside ``embed``, by name: ``reversal``, ``jigsaw``.

        Args:
            embedding: [batch, D] of clips as given.

        Returns:
            Probabilities, [batch] each; empty for a method that judges nothing.
        """
        return {}

    def after_step(self) -> None:
        """Update state other than weights after a step, such as copies that trail the encoder."""

    def prepare(self, instances: int) -> None:
        """Set up memories for ``instances`` stretches of training data, before the first step and after a restart."""

    def embed(self, features: Tensor) -> Tensor:
        """Embedding for downstream tasks, [batch, D]."""
        return self.encode(features)


def agreement(first: Tensor, second: Tensor) -> float:
    """Share of rows of ``first`` whose nearest row of ``second``, by cosine, is their own; chance 1 / n."""
    a, b = (nn.functional.normalize(x, dim=1) for x in (first, second))
    return float(((a @ b.T).argmax(1) == torch.arange(len(a), device=a.device)).float().mean())


def spread(outputs: Tensor) -> float:
    """Mean deviation of unit vectors [n, width] times the root of their width; 0 if all are the same.

    It is near 1 if outputs point in all directions; Chen and He (2021, section 4.1) detect a collapse by it.
    """
    unit = nn.functional.normalize(outputs, dim=1)
    return unit.std(0, correction=0).mean().item() * outputs.shape[1] ** 0.5


def effective_rank(vectors: Tensor) -> float:
    """Number of directions that vectors [n, width] really use, from 1 to width: the exponential of the entropy of the
    singular values' shares, after the mean is subtracted (Roy and Vetterli, "The effective rank", 2007).
    """
    values = torch.linalg.svdvals((vectors - vectors.mean(0)).double())
    shares = values / values.sum().clamp(min=1e-12)
    return torch.special.entr(shares).sum().exp().item()


def likeness_figures(first: Tensor, second: Tensor) -> dict[str, float]:
    """Figures of methods without negatives, for two views of a batch, [n, width] each.

    Returns:
        ``agreement``; ``spread``, 0 after a collapse to a point; ``directions``, the effective rank as a share of
        n - 1, the most there can be, which falls to 1 / (n - 1) where all outputs lie on a line.
    """
    directions = effective_rank(first) / max(1, len(first) - 1)
    return {"agreement": agreement(first, second), "spread": spread(first), "directions": directions}


def likeness_chance(batch: int) -> dict[str, float]:
    """Figures as from ``likeness_figures``, by guessing or after a collapse."""
    return {"agreement": 1 / batch, "spread": 0.0, "directions": 1 / max(1, batch - 1)}


def sequence_of(encoder: nn.Module) -> Callable[[Tensor], Tensor]:
    """Method of an encoder that gives a vector for each step of time, features -> [batch, steps, dimension].

    Raises:
        InputError: the encoder gives only one vector for a clip.
    """
    sequence = getattr(encoder, "sequence", None)
    if not callable(sequence):
        raise InputError(
            f"{type(encoder).__name__} gives one vector a clip, and this method needs one for each step of time: "
            "choose an encoder that keeps time, such as strided_conv"
        )
    return cast("Callable[[Tensor], Tensor]", sequence)
