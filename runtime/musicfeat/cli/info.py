"""``musicfeat info``: installed packages, enabled features, and the model's card."""

from __future__ import annotations

import argparse

from musicfeat.cli.shared import Commands, command, model_options, print_error


def add(commands: Commands) -> None:
    """Declare the command."""
    model_options(command(commands, "info", run, "print versions, devices, and the model's card"))


def run(options: argparse.Namespace) -> int:
    """Print the installed packages, the enabled features, and the model's card."""
    from musicfeat.info import info_lines

    lines, problem = info_lines(options.model, options.device, options.threads)
    print("\n".join(lines))
    return print_error(problem) if problem else 0
