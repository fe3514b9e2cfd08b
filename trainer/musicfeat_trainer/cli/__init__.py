"""The command ``musicfeat-train``; each command is a module of this package, with ``add`` and ``run``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from musicfeat.cli.shared import run_command
from musicfeat_trainer.cli import debian, evaluate, listing, page, pictures, teacher, train
from musicfeat_trainer.distributed import start, stop


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code (``run_command``)."""
    options = parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    start()
    try:
        return run_command("musicfeat-train", options)
    finally:
        stop()


def parser() -> argparse.ArgumentParser:
    """The argument parser, one sub-command per module."""
    top = argparse.ArgumentParser(prog="musicfeat-train", description="Pretrain and evaluate music encoders.")
    top.add_argument("--threads", type=int, help="number of torch's threads (default: torch's own choice)")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in (listing, train, evaluate, pictures, page, debian, teacher):
        command.add(commands)
    return top
