"""Parts of a run: those of a whole model, or the one of a method."""

from __future__ import annotations

from typing import Any

from musicfeat_trainer.bundled import model
from musicfeat_trainer.method.part import MethodPart
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.training.part import Part

PARTS: dict[str, type[Part[Any, Any]]] = {**model.PARTS, MethodPart.name: MethodPart}
"""Parts of a model or of a run of one method, in the order of training."""


def parts_of(recipe: AnyRecipe) -> list[str]:
    """Names of the parts of a recipe's run."""
    return [name for name in PARTS if getattr(recipe, name, None) is not None]
