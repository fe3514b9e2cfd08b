"""What every method of self-supervision offers to the one training loop."""

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
        """The figures that the objective's ``figures`` returns, each with what guessing reaches."""
        raise NotImplementedError


class Setting(NamedTuple):
    """What a method is built from."""

    encoder: Encoder
    second: Encoder | None = None
    """Reads the second view, where a recipe gives that a frontend and an encoder of its own."""
    pieces: PiecesConfig | None = None
    """How clips are cut into pieces, where a recipe says so; features are arranged like that already."""


class Views(NamedTuple):
    """Features of the clips of one step."""

    features: tuple[Tensor, ...]
    """As many as the objective's ``views``, each [batch, ...], augmented and arranged; row i of all is clip i."""
    instances: Tensor
    """[batch] int64, which stretch of the training data each clip is: what memory banks are indexed by."""
    said: Tensor | None = None
    """[batch, all that the teachers of the objective say] of each clip; None for an objective without teachers."""


class Objective(nn.Module, ABC):
    """An encoder under training with whatever heads, copies and memories its method needs.

    All randomness that a loss needs comes from the torch generator that the loop seeds before each step, so that a
    resumed run draws what an undisturbed one would. Whatever must survive a checkpoint is a parameter or a buffer.
    """

    views: ClassVar[int] = 2
    """Views of each clip in a step."""
    two_encoders: ClassVar[bool] = False
    """Whether a second view may have an encoder of its own."""
    flips: ClassVar[bool] = False
    """Whether features are flipped in time, so that frontends must treat both directions alike."""
    watched: ClassVar[tuple[str, ...]] = ()
    """The figures whose mean picks the best checkpoint and stops training; none named: all."""
    mixed_precision: bool = False
    """Whether encoders run in bfloat16; heads and losses never do."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def encode(self, features: Tensor, encoder: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """What the encoder, a copy of it or its ``sequence_of`` makes of features, in their precision.

        Every loss reads encoders through this.
        """
        with autocast(features.device, self.mixed_precision):
            return (encoder or self.encoder)(features).to(features.dtype)

    @abstractmethod
    def losses(self, views: Views) -> dict[str, Tensor]:
        """The weighted losses of one step."""

    @abstractmethod
    def figures(self, views: Views) -> dict[str, float]:
        """How well the pretext task is solved on clips of held-out music; called in evaluation mode, no gradients."""

    def certainty(self, views: Views) -> Tensor:  # noqa: ARG002
        """P(right answer) about clips as they were recorded (forwards, in order), [batch]; in evaluation mode.

        Raises:
            InputError: the method asks nothing that has a right answer.
        """
        raise InputError("this method has no right and wrong answers")

    def judgements(self, embedding: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        """What a model file says beside what ``embed`` gives, by the names of its outputs: ``reversal``, ``jigsaw``.

        Args:
            embedding: [batch, D], of clips as they are.

        Returns:
            Probabilities, [batch] each; nothing, where a method judges nothing.
        """
        return {}

    def after_step(self) -> None:
        """What follows an update: copies that trail the encoder, and the like."""

    def prepare(self, instances: int) -> None:
        """Told the number of stretches of the training data before the first step, and again after a restart."""

    def embed(self, features: Tensor) -> Tensor:
        """What downstream tasks read, [batch, D]."""
        return self.encode(features)


def agreement(first: Tensor, second: Tensor) -> float:
    """Share of rows of ``first`` whose nearest row of ``second``, by cosine, is their own; chance 1 / n."""
    a, b = (nn.functional.normalize(x, dim=1) for x in (first, second))
    return float(((a @ b.T).argmax(1) == torch.arange(len(a), device=a.device)).float().mean())


def spread(outputs: Tensor) -> float:
    """Mean deviation of unit vectors times the root of their width, [n, width]; 0 if all outputs are the same.

    Near 1 where outputs point anywhere: how Chen and He (2021, section 4.1) tell a collapse.
    """
    unit = nn.functional.normalize(outputs, dim=1)
    return unit.std(0, correction=0).mean().item() * outputs.shape[1] ** 0.5


def sequence_of(encoder: nn.Module) -> Callable[[Tensor], Tensor]:
    """What gives a vector for each step of time, features -> [batch, steps, dimension].

    Raises:
        InputError: the encoder has but one vector for a clip.
    """
    sequence = getattr(encoder, "sequence", None)
    if not callable(sequence):
        raise InputError(
            f"{type(encoder).__name__} gives one vector a clip, and this method needs one for each step of time: "
            "choose an encoder that keeps time, such as strided_conv"
        )
    return cast("Callable[[Tensor], Tensor]", sequence)
