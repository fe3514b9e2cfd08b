"""The command ``musicfeat-export``; each command is a module of this package, with ``add`` and ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from musicfeat.cli.shared import run_command
from musicfeat_export.cli import onnx, report, restore, tensorrt

COMMANDS = {"onnx": onnx, "report": report, "restore": restore, "tensorrt": tensorrt}
TEXT = """One ONNX file from a trained run, and other products from such a file. `onnx` may be left
out: `musicfeat-export RUN -o MODEL.onnx`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code (``run_command``)."""
    words = named(sys.argv[1:] if arguments is None else arguments)
    return run_command("musicfeat-export", parser().parse_args(words))


def named(words: Sequence[str]) -> list[str]:
    """Words of a command line with the name of its command, which may be left out for ``onnx``."""
    known = not words or words[0] in {*COMMANDS, "-h", "--help"}
    return [*words] if known else ["onnx", *words]


def parser() -> argparse.ArgumentParser:
    """The argument parser, one sub-command per module."""
    top = argparse.ArgumentParser(prog="musicfeat-export", description=TEXT)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS.values():
        command.add(commands)
    return top
