"""``musicfeat-train page``: a run as one HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.runs import PARTS, parts_of
from musicfeat_trainer.training.checkpoint import load_recipe_of
from musicfeat_trainer.training.run_page import write_page

NAME = "page.html"


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "page", run, "write a run with its curves and figures as one HTML file")
    parser.add_argument("folder", type=Path, help="folder of the run")
    parser.add_argument("-o", "--output", type=Path, help=f"file to write (default: {NAME} in the folder)")


def run(options: argparse.Namespace) -> int:
    """Write the page.

    Raises:
        ModelError: the folder is not a run.
    """
    page = options.output or options.folder / NAME
    page_of(options.folder, load_recipe_of(options.folder), page)
    print(page)
    return 0


def page_of(folder: Path, recipe: AnyRecipe, page: Path | None = None) -> None:
    """Write the page of a run, by default into its folder."""
    chances = {name: PARTS[name](recipe, folder).chance for name in parts_of(recipe)}
    write_page(folder, recipe, chances, page or folder / NAME)
