"""``musicfeat duplicates``: tracks of a catalog that are the same recording."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from musicfeat.cli.lists import who
from musicfeat.cli.shared import Commands, catalog_argument, command, print_error

if TYPE_CHECKING:
    from musicfeat.catalog.search.duplicates import Copy, Found
    from musicfeat.catalog.tracks import Tracks

TEXT = """List groups of files that hold the same recording: copied, coded otherwise, at another level or sample rate,
or without up to 15 s of its beginning. The first of a group is the best to keep. Embeddings leave short and uniform
sounds in doubt; --verify decodes what may be a copy and compares the sound. To spare is only what equals the file to
keep, or was heard to hold no more and no better sound."""


def add(commands: Commands) -> None:
    """Declare the command."""
    duplicates = command(commands, "duplicates", run, "list tracks of a catalog that are the same recording", TEXT)
    catalog_argument(duplicates)
    duplicates.add_argument("--verify", action="store_true", help="decode the files and decide by their sound")
    duplicates.add_argument(
        "--least",
        type=float,
        metavar="P",
        help="similarity from which tracks count as the same (default: 0.5 to 0.99, by how much sound is compared)",
    )
    duplicates.add_argument("--json", action="store_true", help="print JSON, with paths as in the catalog")


def run(options: argparse.Namespace) -> int:
    """Print the groups, each with the file to keep first; return 1 if a file could not be decoded for verification."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.search.duplicates import find

    found = find(catalog, options.least, verify=options.verify)
    from musicfeat.catalog.tracks import Tracks

    tracks = Tracks(catalog)
    print(_as_json(found.groups, tracks) if options.json else _as_table(found, tracks))
    for failure in found.failures:
        print_error(failure)
    if found.away:
        named = f"{len(found.away)} files are gone or were changed since they were embedded, as {found.away[0]}"
        print(f"musicfeat: {named}; they are left out, embed again what is new", file=sys.stderr)
    return 1 if found.failures else 0


def _as_table(found: Found, tracks: Tracks) -> str:
    lines = []
    for group in found.groups:
        (first,) = tracks.rows([group[0].path])
        lines += [first["name"]] if first["title"] else []
        lines += [group[0].path, *(_line(copy) for copy in group[1:]), ""]
    return "\n".join([*lines, _summary(found)])


def _summary(found: Found) -> str:
    copies = [copy for group in found.groups for copy in group]
    spare = sum(copy.spare for copy in copies)
    unheard = sum(copy.share is None and not copy.identical and not copy.spare for copy in copies)
    text = f"{len(found.groups)} recordings in {len(copies)} files, {spare} of them to spare"
    if unheard or found.doubtful:
        text += f"; {unheard} copies and {found.doubtful} doubtful pairs to be heard with --verify"
    return text


def _line(copy: Copy) -> str:
    like = "identical" if copy.identical else f"{copy.similarity:.3f}"
    shift = f"{copy.shift:+.2f} s" if round(copy.shift, 2) else ""
    share = "" if copy.share is None else f"{copy.share:.0%}"
    return f"{like:>9}  {shift:<9} {share:>4}  {'spare' if copy.spare else '':<5}  {copy.path}"


def _as_json(groups: list[list[Copy]], tracks: Tracks) -> str:
    from musicfeat.catalog.names import to_text

    named = [
        [
            {**asdict(copy), "path": to_text(copy.path), **who(row)}
            for copy, row in zip(group, tracks.rows(copy.path for copy in group), strict=True)
        ]
        for group in groups
    ]
    return json.dumps(named, indent=1, ensure_ascii=False)
