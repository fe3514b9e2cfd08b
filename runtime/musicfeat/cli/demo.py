"""``musicfeat demo``: findings of the model to hear and see."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command, extractor, model_options

HOP = 2.5


def add(commands: Commands) -> None:
    """Declare the command."""
    demo = command(commands, "demo", run, "make a clip, judge it forwards and backwards, draw a picture")
    demo.add_argument("-o", "--output", type=Path, default=Path("musicfeat-demo.svg"), metavar="OUT.svg")
    demo.add_argument("audio", nargs="?", type=Path, help="file to judge (default: a synthesised clip)")
    model_options(demo)


def run(options: argparse.Namespace) -> int:
    """Print the findings for a clip forwards, backwards and in pieces, and write a picture of them."""
    from musicfeat.demo import run

    print("\n".join(run(extractor(options, HOP), options.audio, options.output)))
    return 0
