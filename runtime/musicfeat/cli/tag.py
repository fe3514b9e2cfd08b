"""``musicfeat tag``: the instruments that play in a file, its genres and moods."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command, extracted, extractor, model_options
from musicfeat.errors import ModelError, MusicfeatError


def add(commands: Commands) -> None:
    """Declare the command."""
    tag = command(commands, "tag", run, "list tags of recordings, most probable first")
    tag.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    tag.add_argument("--kind", help="only tags of this kind: instrument, genre, mood (default: all kinds)")
    tag.add_argument("-n", "--count", type=int, metavar="N", help="greatest number of tags of a file (default: all)")
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
            ranked = result.top_tags(options.count, kind=options.kind)
            print(f"{result.path}: " + ", ".join(f"{label} {p:.2f}" for label, p in ranked))
    return failed
