"""``musicfeat-train list``: everything that a recipe can name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, get_args

from musicfeat.cli.shared import Commands, command
from musicfeat_trainer.augment.registry import PictureAugmentation, WaveformAugmentation
from musicfeat_trainer.data.sets.registry import SetConfig
from musicfeat_trainer.encoders.registry import AnyEncoder
from musicfeat_trainer.frontends.registry import AnyFrontend
from musicfeat_trainer.objectives.registry import AnyObjective
from musicfeat_trainer.recipe.files import known_recipes
from musicfeat_trainer.section import Section

KINDS: dict[str, Any] = {
    "frontends": AnyFrontend,
    "encoders": AnyEncoder,
    "objectives": AnyObjective,
    "augmentations of samples": WaveformAugmentation,
    "augmentations of pictures": PictureAugmentation,
    "data sets": SetConfig,
}


def add(commands: Commands) -> None:
    """Declare the command."""
    command(commands, "list", run, "everything that a recipe can name, and the recipes of the package")


def run(_: argparse.Namespace) -> int:
    """Print a heading for each kind, and a line for each name."""
    for kind, union in KINDS.items():
        print(f"{kind}:")
        for section in members(union):
            first = (section.__doc__ or "").splitlines()[0]
            print(f"  {section.model_fields['name'].default}: {first}")
    print("recipes:")
    for name, about in known_recipes():
        print(f"  {name}: {about}")
    return 0


def members(union: Any) -> Iterator[type[Section]]:
    """Sections of a discriminated union, or one section alone."""
    if isinstance(union, type):
        yield union
    else:
        for part in get_args(union):
            if isinstance(part, type) or get_args(part):
                yield from members(part)
