"""``musicfeat write-tags``: findings of a catalog, written into the tags of its files."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, catalog_argument, command, print_error, vacant
from musicfeat.errors import InputError

TEXT = """Write what a catalog knows of its tracks into the tags of their files: the tags that hold, P(plays
backwards), the label of each taught head. They are called MUSICFEAT_TAGS, MUSICFEAT_REVERSED and so on; no other tag is
touched. The sound is compared before and after, and a file changes whole or not at all. Choose --dry-run, --copy-to or
--originals."""


def add(commands: Commands) -> None:
    """Declare the command."""
    write = command(commands, "write-tags", run, "write findings of a catalog into the tags of its files", TEXT)
    catalog_argument(write)
    write.add_argument(
        "--fields", nargs="+", metavar="FIELD", help="fields to write: tags, reversed, names of heads (default: all)"
    )
    how = write.add_mutually_exclusive_group(required=True)
    how.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
    how.add_argument("--copy-to", type=Path, metavar="DIR", help="write copies of the files into a new or empty folder")
    how.add_argument("--originals", action="store_true", help="write the files themselves")


def run(options: argparse.Namespace) -> int:
    """Print a line for each written file; return 1 if one could not be written."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.findings import fields_of, findings
    from musicfeat.catalog.write_tags import write_tags

    known = fields_of(catalog)
    unknown = set(options.fields or ()) - set(known)
    if unknown or not known:
        raise InputError(f"{options.catalog} has the fields {', '.join(known) or 'none'}, not {', '.join(unknown)}")
    if options.copy_to:
        vacant(options.copy_to)
        options.copy_to.mkdir(exist_ok=True)
    counts = {"written": 0, "unchanged": 0, "failed": 0}
    fields = options.fields or known
    for done in write_tags(catalog, list(findings(catalog)), fields, options.copy_to, dry=options.dry_run):
        if done.error:
            print_error(done.error)
        elif done.texts:
            print(f"{done.path}: " + ", ".join(f"{name} = {text}" for name, text in done.texts.items()))
        counts["failed" if done.error else "written" if done.texts else "unchanged"] += 1
    would = " would be written" if options.dry_run else " written"
    print(f"{counts['written']} files{would}, {counts['unchanged']} unchanged, {counts['failed']} failed")
    return int(counts["failed"] > 0)
