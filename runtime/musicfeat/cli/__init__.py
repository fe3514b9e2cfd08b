"""The command ``musicfeat``; each command is a module of this package, with ``add`` and ``run``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

import musicfeat
from musicfeat.cli.shared import run_command

COMMANDS = (
    *("embed", "names", "listen", "search", "playlist", "teach", "fill", "write-tags", "jams"),
    *("duplicates", "compare", "check", "report", "order", "tag", "info", "demo"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code (``run_command``)."""
    return run_command("musicfeat", parser().parse_args(arguments))


def parser() -> argparse.ArgumentParser:
    """The argument parser, one sub-command per module in ``COMMANDS``."""
    top = argparse.ArgumentParser(prog="musicfeat", description="Music features that know the order of time.")
    top.add_argument("--version", action="version", version=f"musicfeat {musicfeat.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"musicfeat.cli.{name.replace('-', '_')}").add(commands)
    return top
