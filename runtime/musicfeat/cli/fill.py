"""``musicfeat fill``: a column for each taught tag in a whole catalog, without decoding."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, catalog_argument, command

TEXT = """Give every row of a catalog the probabilities of tags that `musicfeat teach` taught, from the stored
embeddings. Without a head: go on with what was stopped. Files that are embedded later get the columns, too."""


def add(commands: Commands) -> None:
    """Declare the command."""
    fill = command(commands, "fill", run, "give a whole catalog the columns of taught tags, without decoding", TEXT)
    catalog_argument(fill)
    fill.add_argument("heads", nargs="*", type=Path, metavar="HEAD.json", help="heads that `musicfeat teach` wrote")


def run(options: argparse.Namespace) -> int:
    """Print the columns that the catalog has now."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.taught import fill
    from musicfeat.heads import load_head

    heads = fill(catalog, [load_head(head) for head in options.heads]).settings.heads
    told = "; ".join(f"{name} ({', '.join(labels)})" for name, labels in heads)
    print(f"{options.catalog}: columns of taught tags: {told or 'none'}")
    return 0
