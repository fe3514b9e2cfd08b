"""``musicfeat-train teacher``: a published tagger as an ONNX file that gives training its targets."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command
from musicfeat_trainer.teachers.card import NETWORKS, write_musicnn


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "teacher", run, "make a published tagger an ONNX file for training to learn from")
    parser.add_argument(
        "tagger", choices=["musicnn"], help="name of the tagger; musicnn is that of PyPI, read without TensorFlow"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE.onnx", help="file to write, with a card beside it"
    )
    parser.add_argument(
        "--weights",
        choices=list(NETWORKS),
        default="MSD_musicnn",
        help="weights of the package to convert (default: MSD_musicnn)",
    )
    parser.add_argument(
        "--package", type=Path, help="wheel or folder of the package, such as `pip download musicnn --no-deps` fetches"
    )


def run(options: argparse.Namespace) -> int:
    """Write the file and its card."""
    write_musicnn(options.output, options.weights, options.package)
    print(f"{options.output} and {options.output.with_suffix('.json').name}")
    return 0
