"""``musicfeat jams``: findings of a catalog as JAMS files."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, catalog_argument, command, vacant


def add(commands: Commands) -> None:
    """Declare the command."""
    jams = command(commands, "jams", run, "write findings of a catalog as JAMS, a file for each track")
    catalog_argument(jams)
    jams.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write, new or empty")
    jams.add_argument("--embeddings", action="store_true", help="write the embedding of each window, too")


def run(options: argparse.Namespace) -> int:
    """Print the number of files written."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.jams_files import write_jams

    vacant(options.output)
    options.output.mkdir(exist_ok=True)
    count = sum(1 for _ in write_jams(catalog, options.output, embeddings=options.embeddings))
    print(f"{options.output}: {count} JAMS files")
    return 0
