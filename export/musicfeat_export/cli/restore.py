"""``musicfeat-export restore``: the run of a model file, to train parts of it anew."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command
from musicfeat.model.session import find_model
from musicfeat_export.restored import restore


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(
        commands, "restore", run, "a run from a model file, so that parts can be trained anew on the others"
    )
    parser.add_argument("model", help="name of a bundled model, or a file in fp32 that `musicfeat-export` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder to write")


def run(options: argparse.Namespace) -> int:
    """Restore the run, and print how far its outputs are from the file's."""
    worst = restore(Path(find_model(options.model)), options.output)
    print(f"{options.output}: every output within {max(worst.values()):.1g} of the file's")
    return 0
