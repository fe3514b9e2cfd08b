"""``musicfeat order``: pieces of a recording in playing order."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicfeat.cli.shared import Commands, command, extractor, model_options


def add(commands: Commands) -> None:
    """Declare the command."""
    order = command(commands, "order", run, "put pieces of a recording in playing order")
    order.add_argument("paths", nargs="+", type=Path, metavar="PIECE")
    order.add_argument("--gap", type=_gap, default=0.0, help="seconds missing at each join, or 'unknown' (default: 0)")
    model_options(order)


def run(options: argparse.Namespace) -> int:
    """Print the pieces in playing order, then how sure that is."""
    found = extractor(options).order(options.paths, gap=options.gap)
    for path in found.apply(options.paths):
        print(path)
    gap = f", gap {found.gap:.2f} s" if options.gap is None else ""
    print(f"P(this order) {found.probability:.3f}, P(shuffled as given) {found.shuffled:.3f}{gap}", file=sys.stderr)
    return 0


def _gap(text: str) -> float | None:
    return None if text == "unknown" else float(text)
