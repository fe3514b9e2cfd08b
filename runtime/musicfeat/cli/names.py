"""``musicfeat names``: titles and artists for a catalog that lacks them, or whose files have new tags."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from musicfeat.cli.shared import Commands, catalog_argument, command

TEXT = """Read title, artist, album and so on from the tags of a catalog's files into its rows. `musicfeat embed` does
so too; this is for catalogs of older versions. Nothing is decoded, and no file but the catalog's own is changed."""


def add(commands: Commands) -> None:
    """Declare the command."""
    names = command(commands, "names", run, "read titles and artists of a catalog's files, without decoding them", TEXT)
    catalog_argument(names)
    names.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(options: argparse.Namespace) -> int:
    """Print the number of tracks with names."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.naming import Naming

    if options.quiet or not sys.stderr.isatty():
        done = Naming(catalog)
    else:
        from tqdm import tqdm

        done = Naming(catalog, partial(tqdm, unit="file", dynamic_ncols=True))
    lost = f", {done.missing} files are not there and keep the names that they had" if done.missing else ""
    print(f"{options.catalog}: {done.named} tracks with a title, {done.nameless} without{lost}")
    return 0
