"""The command ``musicfeat``; each command is a module of this package, with ``add`` and ``run``."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module

import musicfeat
from musicfeat.cli import shared
from musicfeat.errors import MusicfeatError

COMMANDS = (
    *("embed", "names", "listen", "search", "playlist", "teach", "fill", "write-tags", "jams"),
    *("duplicates", "check", "report", "order", "tag", "info", "demo"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 on success, 1 on any failure (one line on stderr for each), 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be Unicode
    try:
        return int(options.run(options))
    except MusicfeatError as error:
        return shared.report(error)
    except KeyboardInterrupt:
        print("musicfeat: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def parser() -> argparse.ArgumentParser:
    """The argument parser, one sub-command per module in ``COMMANDS``."""
    top = argparse.ArgumentParser(prog="musicfeat", description="Music features that know the order of time.")
    top.add_argument("--version", action="version", version=f"musicfeat {musicfeat.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"musicfeat.cli.{name.replace('-', '_')}").add(commands)
    return top
