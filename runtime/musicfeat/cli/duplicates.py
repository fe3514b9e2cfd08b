"""``musicfeat duplicates``: tracks of a catalog that are the same recording."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.cli.lists import who
from musicfeat.cli.shared import Commands, command

if TYPE_CHECKING:
    from musicfeat.catalog.search.duplicates import Copy
    from musicfeat.catalog.tracks import Tracks

TEXT = """List groups of files that hold the same recording: copied, coded otherwise, at another level or sample rate,
or without up to 15 s of its beginning."""


def add(commands: Commands) -> None:
    """Declare the command."""
    duplicates = command(commands, "duplicates", run, "tracks of a catalog that are the same recording")
    duplicates.description = TEXT
    duplicates.add_argument("catalog", type=Path, metavar="CATALOG", help="folder that `musicfeat embed` wrote")
    duplicates.add_argument(
        "--least", type=float, metavar="P", help="similarity from which tracks are the same (windows 0.55, tracks 0.8)"
    )
    duplicates.add_argument("--json", action="store_true", help="print JSON; names as in the catalog's column `path`")


def run(options: argparse.Namespace) -> int:
    """Print the groups, each beginning with the file that the others are compared with."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.search.duplicates import duplicates

    groups = duplicates(catalog, options.least)
    from musicfeat.catalog.tracks import Tracks

    tracks = Tracks(catalog)
    print(_as_json(groups, tracks) if options.json else _as_table(groups, tracks))
    return 0


def _as_table(groups: list[list[Copy]], tracks: Tracks) -> str:
    lines = []
    for group in groups:
        (first,) = tracks.rows([group[0].path])
        lines += [first["name"]] if first["title"] else []
        lines += [group[0].path, *(f"{_like(copy):>9}  {_shift(copy):<8}  {copy.path}" for copy in group[1:]), ""]
    files = sum(map(len, groups))
    return "\n".join([*lines, f"{len(groups)} recordings in {files} files, {files - len(groups)} of them to spare"])


def _like(copy: Copy) -> str:
    return "identical" if copy.identical else f"{copy.similarity:.3f}"


def _shift(copy: Copy) -> str:
    return f"{copy.shift:+.1f} s" if copy.shift else ""


def _as_json(groups: list[list[Copy]], tracks: Tracks) -> str:
    from musicfeat.catalog.names import to_text

    named = [
        [
            {**vars(copy), "path": to_text(copy.path), **who(row)}
            for copy, row in zip(group, tracks.rows(copy.path for copy in group), strict=True)
        ]
        for group in groups
    ]
    return json.dumps(named, indent=1, ensure_ascii=False)
