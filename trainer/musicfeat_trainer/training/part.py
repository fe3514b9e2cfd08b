"""Interface of a part of a model for the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.precision import autocast, compile_in_place
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.training.ahead import Ahead
from musicfeat_trainer.training.checkpoint import digest, load_checkpoint

Module = TypeVar("Module", bound=nn.Module)
Other = TypeVar("Other", bound=nn.Module)
RecipeType = TypeVar("RecipeType", bound=AnyRecipe)


class Part(ABC, Generic[RecipeType, Module]):
    """A module that is trained by itself, with its data and its evaluation.

    Parts that need no other can be trained side by side, on as many machines as there are parts. ``run`` is the
    folder that all parts of a run share; ``origin`` holds digests of the parts that this one was trained on.
    """

    name: ClassVar[str]
    recipe_type: type[RecipeType]
    """Type of the recipes that have this part."""

    guesses: ClassVar[Mapping[str, float]] = {}
    """Result of ``chance``, if it is the same for every recipe."""

    @property
    def chance(self) -> Mapping[str, float]:
        """Values that guessing reaches, by the names of the figures from ``evaluate``."""
        return self.guesses

    @property
    def watched(self) -> Sequence[str]:
        """Figures whose mean picks the best weights and stops training; empty: all."""
        return ()

    module: Module
    """Module that is trained or judged; set by the loop, or to a trained module."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Names of parts that must be trained before this one."""

    def __init__(self, recipe: RecipeType, run: Path) -> None:
        self.recipe, self.run = recipe, run
        self.origin: dict[str, str] = {}
        self.batches: Ahead[Any] | None = None
        """Batches of the steps, for parts that draw them ahead."""

    @classmethod
    @abstractmethod
    def build(cls, recipe: RecipeType) -> Module:
        """Module with fresh weights."""

    @property
    @abstractmethod
    def optimisation(self) -> Optimisation:
        """Settings of the optimiser."""

    @property
    def resumable_every(self) -> int:
        """Number of steps at whose multiples a run may stop and go on as if it had not."""
        return 1

    @property
    def waited(self) -> float:
        """Seconds that steps have waited for data that is drawn ahead."""
        return self.batches.waited if self.batches else 0.0

    @property
    def device(self) -> torch.device:
        """Device of the module."""
        return next(self.module.parameters()).device

    def finished(self, part: type[Part[Any, Other]]) -> Other:
        """The trained module of a part in ``needs``, frozen; ``origin`` records its weights."""
        checkpoint = load_checkpoint(self.run / part.name / "best.safetensors")
        module = part.build(checkpoint.recipe).to(self.device).eval().requires_grad_(False)
        checkpoint.restore("average", module)
        self.origin = {part.name: digest(checkpoint.part("average"))}
        return module

    def autocast(self) -> torch.autocast:
        """Context with convolutions and products in bfloat16, if the recipe says so and the device can."""
        return autocast(self.device, self.optimisation.bfloat16)

    @abstractmethod
    def open_training(self) -> None:
        """Make the training data ready, building missing stores; called once, before the first step."""

    @abstractmethod
    def open_validation(self) -> None:
        """Make the data of ``evaluate`` ready."""

    @abstractmethod
    def losses(self, number: int) -> dict[str, Tensor]:
        """Weighted losses of training step ``number``, a pure function of weights, seed and number."""

    def compile(self) -> None:
        """Compile the layers that take most of the time."""
        compile_in_place(self.module, self.device)

    def after_step(self) -> None:
        """Update state other than weights after a step."""

    def fit_closed_form(self, module: Module) -> None:
        """Fit weights that have a closed form to the others, before all are evaluated and kept."""

    @abstractmethod
    def evaluate(self, module: Module) -> dict[str, float]:
        """Figures on held-out music, from 0 to 1, higher is better; those in ``watched`` pick the best weights."""


def step_generators(seed: int, step: int, process: int = 0) -> tuple[np.random.Generator, torch.Generator]:
    """Random generators of one training step, different in each process."""
    sequence = np.random.SeedSequence([seed, step, *[process] * (process > 0)])
    return np.random.default_rng(sequence), torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))
