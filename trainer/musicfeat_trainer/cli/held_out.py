"""Figures of a run's own tasks on music that its recipe holds out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.model import load_model
from musicfeat_trainer.method.part import MethodPart, load_method
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.runs import PARTS, parts_of
from musicfeat_trainer.training.checkpoint import load_recipe_of
from musicfeat_trainer.training.part import Part


def print_held_out(run: Path) -> None:
    """Print a Markdown table of the parts of a run, chance beside each figure.

    A whole model is judged on its recipe's test sources; a method on the test split of its data set, or, if there
    is none, on the validation split, which early stopping has seen.
    """
    parts = _of_method(run) if isinstance(load_recipe_of(run), MethodRecipe) else _of_model(run)
    print("| part | figure | value | chance |\n|---|---|---|---|")
    for part in parts:
        for figure, value in part.evaluate(part.module.eval()).items():
            print(f"| {part.name} | {figure} | {100 * value:.1f} % | {100 * part.chance[figure]:.1f} % |")


def _of_model(run: Path) -> Iterator[Part[Any, Any]]:
    model, recipe = load_model(run)
    for name in parts_of(recipe):
        part = PARTS[name](on_test_sources(recipe), run)
        part.module = getattr(model, name)
        part.open_validation()
        yield part


def _of_method(run: Path) -> Iterator[Part[Any, Any]]:
    method, recipe = load_method(run)
    part = MethodPart(recipe, run)
    part.module = method
    part.open_validation(part.dataset.held_out)
    yield part


def on_test_sources(recipe: Recipe) -> Recipe:
    """Recipe with its test sources in place of the validation sources."""
    if not recipe.data.test_sources:
        raise InputError("the recipe names no test_sources to evaluate on")
    data = recipe.data.model_copy(update={"validation_sources": recipe.data.test_sources})
    return recipe.model_copy(update={"data": data, "rendered": None})
