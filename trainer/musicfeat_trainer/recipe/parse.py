"""Recipes from nested dictionaries, checked before anything starts."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from musicfeat.errors import InputError
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.recipe.recipe import AnyRecipe


def parse_recipe(data: dict[str, Any], where: str) -> AnyRecipe:
    """Recipe from nested dictionaries, of one method if they have the key ``method``; errors call them ``where``.

    Raises:
        InputError: a key is misspelt or missing, or a value is out of range.
    """
    kind = MethodRecipe if "method" in data else Recipe
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{where}: " + "; ".join(lines)) from error
