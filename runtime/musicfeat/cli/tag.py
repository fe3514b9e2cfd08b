"""``musicfeat tag``: the instruments that play in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command, extracted, extractor, model_options
from musicfeat.errors import ModelError, MusicfeatError


def add(commands: Commands) -> None:
    """Declare the command."""
    tag = command(commands, "tag", run, "which instruments play, most probable first")
    tag.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    model_options(tag)


def run(options: argparse.Namespace) -> int:
    """Print one line per file."""
    model = extractor(options)
    if "tags" not in model.card.outputs:
        raise ModelError(f"model {model.card.name} has no tags: choose another with --model")
    failed = 0
    for result in extracted(options, model):
        if isinstance(result, MusicfeatError):
            failed = 1
        else:
            ranked = sorted(result.tags.items(), key=lambda pair: -pair[1])
            print(f"{result.path}: " + ", ".join(f"{label} {p:.2f}" for label, p in ranked))
    return failed
