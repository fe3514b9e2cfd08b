"""Recipes as files: one for each method of a paper, with rows of the paper's tables as changes of a few keys.

A table ``[rows.NAME]`` of a TOML file holds the keys that differ in a row, which is called ``FILE/NAME``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from musicfeat.errors import InputError
from musicfeat_trainer.recipe.parse import parse_recipe
from musicfeat_trainer.recipe.recipe import AnyRecipe

RECIPES = Path(__file__).parents[1] / "recipes"


def open_recipe(name: str, changes: Sequence[str] = ()) -> AnyRecipe:
    """Read and check a recipe.

    Args:
        name: a TOML file, or the name of one that comes with the package; either may end in ``/ROW``.
        changes: lines of TOML, such as ``method.batch=8``, made last.

    Raises:
        InputError: the recipe, row or key does not exist, the file is not TOML, or a value is out of range.
    """
    path, row = _find(name)
    table = _read(path)
    rows = table.pop("rows", {})
    if row and row not in rows:
        raise InputError(f"recipe {path.stem} has no row {row!r}, only {', '.join(rows) or 'itself'}")
    if rows and not row:
        raise InputError(f"recipe {path.stem} has rows: choose {path.stem}/ROW of {', '.join(rows)}")
    if row:
        table["name"] = f"{table.get('name', path.stem)}-{row}"
        table = changed(table, rows[row])
    for text in changes:
        table = changed(table, parse_change(text))
    return parse_recipe(table, f"{path}" + (f", row {row}" if row else ""))


def known_recipes() -> Iterator[tuple[str, str]]:
    """Names of all recipes of the package, each with its description."""
    for path in sorted(RECIPES.glob("*.toml")):
        table = _read(path)
        first = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        rows = table.get("rows", {})
        yield from ((f"{path.stem}/{row}", changes.get("about", first)) for row, changes in rows.items())
        if not rows:
            yield path.stem, first


def changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged key by key; a table with a ``name`` of its own, such as an encoder, replaces another as a whole."""
    merged = dict(table)
    for key, value in changes.items():
        old = merged.get(key)
        within = isinstance(old, dict) and isinstance(value, dict) and "name" not in value
        merged[key] = changed(cast("Mapping[str, Any]", old), value) if within else value
    return merged


def parse_change(text: str) -> dict[str, Any]:
    """Key and value of one line of TOML; a value that is not TOML is taken as a string.

    Raises:
        InputError: the text is not KEY=VALUE.
    """
    key, equals, value = text.partition("=")
    for line in (text, f"{key} = {json.dumps(value.strip())}") if equals else ():
        try:
            return tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            continue
    raise InputError(f"{text!r} is not a change of a recipe: KEY=VALUE, such as method.batch=8")


def _find(name: str) -> tuple[Path, str]:
    for file, row in ((name, ""), tuple(name.rsplit("/", 1)) if "/" in name else (name, "")):
        for path in (Path(file), RECIPES / f"{file}.toml"):
            if path.is_file():
                return path, row
    raise InputError(f"no recipe {name!r}: neither a file nor one of {', '.join(name for name, _ in known_recipes())}")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"cannot read recipe {path}: {error}") from error
