"""The command ``musicfeat-export``: one ONNX file from a trained run, and other products from such a file.

Each command is a module of this package with ``parser()`` and ``run(options)``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from musicfeat.errors import MusicfeatError
from musicfeat_export.cli import model, report, tensorrt

COMMANDS: dict[str, ModuleType] = {"report": report, "tensorrt": tensorrt}
"""Command modules by first word; without one of these words, a run is exported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 on success, 1 after one line on stderr on failure."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS.get(words[0], model) if words else model
    options = command.parser().parse_args(words[1:] if command is not model else words)
    try:
        command.run(options)
    except (MusicfeatError, OSError) as error:
        print(f"musicfeat-export: {error}", file=sys.stderr)
        return 1
    return 0
