"""``musicfeat compare``: the edits that lead from one version of a recording to another."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command, vacant

FOUND = 3
TEXT = """List what was kept, cut, inserted, moved, repeated, reversed or played at another speed between two versions
of a recording, with times in both. The second may be coded, levelled, equalised, or up to 6 % faster or slower. Edits
shorter than 0.1 s are not told, nor are those of whole repeats in music that repeats to the note."""


def add(commands: Commands) -> None:
    """Declare the command."""
    compare = command(commands, "compare", run, "the edits between two versions of a recording", TEXT)
    compare.add_argument("first", type=Path, metavar="A", help="the original")
    compare.add_argument("second", type=Path, metavar="B", help="the version of it")
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.add_argument("--labels", type=Path, metavar="DIR", help="write a label track for each, for Audacity")
    timeline = "write B as clips of A: a CMX 3600 list (.edl) or OpenTimelineIO (.otio); needs musicfeat[edl]"
    compare.add_argument("--edl", type=Path, metavar="FILE", help=timeline)
    compare.add_argument("--fail", action="store_true", help=f"exit with code {FOUND} if there are edits")


def run(options: argparse.Namespace) -> int:
    """Print the edit list."""
    from musicfeat.versions.comparison import compare
    from musicfeat.versions.writing import Names, as_json, as_table, check_timeline, write_labels, write_timeline

    if options.labels:
        vacant(options.labels)
    if options.edl:
        check_timeline(options.edl)
    found, names = compare(options.first, options.second), Names(str(options.first), str(options.second))
    if options.labels:
        write_labels(found, names, options.labels)
    if options.edl:
        write_timeline(found, names, options.edl)
    print(as_json(found, names) if options.json else as_table(found, names))
    return FOUND if options.fail and found.edits else 0
