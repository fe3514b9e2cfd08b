"""What a part of a model must offer so that the one training loop can train it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.precision import autocast, compile_in_place
from musicfeat_trainer.recipe.recipe import AnyRecipe

Module = TypeVar("Module", bound=nn.Module)
RecipeType = TypeVar("RecipeType", bound=AnyRecipe)


class Part(ABC, Generic[RecipeType, Module]):
    """A module that is trained by itself, what it learns from, and how it is judged.

    Parts that need no other can be trained side by side, on as many machines as there are parts. ``run`` is the
    folder that all parts of a run share; ``origin`` holds digests of the parts that this one was trained on.
    """

    name: ClassVar[str]
    recipe_type: type[RecipeType]
    """The recipes that have this part."""

    guesses: ClassVar[Mapping[str, float]] = {}
    """``chance``, where it is the same for every recipe."""

    @property
    def chance(self) -> Mapping[str, float]:
        """The figures that ``evaluate`` returns, each with the value that guessing reaches."""
        return self.guesses

    @property
    def watched(self) -> Sequence[str]:
        """The figures whose mean picks the best weights and stops training; none named: all."""
        return ()

    module: Module
    """What is trained or judged; set by the loop, or to a module that is trained already."""

    needs: ClassVar[tuple[str, ...]] = ()
    """The parts that must have been trained before."""

    def __init__(self, recipe: RecipeType, run: Path) -> None:
        self.recipe, self.run = recipe, run
        self.origin: dict[str, str] = {}
        self.waited = 0.0
        """Seconds that steps waited for data so far."""

    @classmethod
    @abstractmethod
    def build(cls, recipe: RecipeType) -> Module:
        """The module with fresh weights."""

    @property
    @abstractmethod
    def optimisation(self) -> Optimisation:
        """How it is optimised."""

    @property
    def device(self) -> torch.device:
        """Where the module is."""
        return next(self.module.parameters()).device

    def autocast(self) -> torch.autocast:
        """Runs convolutions and products in bfloat16 if the recipe says so and the device can."""
        return autocast(self.device, self.optimisation.bfloat16)

    @abstractmethod
    def open_training(self) -> None:
        """Make the training data ready, building what is missing; called once, before the first step."""

    @abstractmethod
    def open_validation(self) -> None:
        """Make what ``evaluate`` looks at ready."""

    @abstractmethod
    def losses(self, number: int) -> dict[str, Tensor]:
        """The weighted losses of training step ``number``, a pure function of weights, seed and number."""

    def compile(self) -> None:
        """Compile what takes the time."""
        compile_in_place(self.module, self.device)

    def after_step(self) -> None:
        """What follows an update."""

    def fit_closed_form(self, module: Module) -> None:
        """Fit what has a closed form to the other weights, before they are evaluated and kept."""

    @abstractmethod
    def evaluate(self, module: Module) -> dict[str, float]:
        """Figures on held-out music, from 0 to 1, the higher the better; ``watched`` are those that count."""


def step_generators(seed: int, step: int, process: int = 0) -> tuple[np.random.Generator, torch.Generator]:
    """The random sources of one training step, others in each of several processes."""
    sequence = np.random.SeedSequence([seed, step, *[process] * (process > 0)])
    return np.random.default_rng(sequence), torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))
