"""``musicfeat teach``: a tag of your own, learnt from examples."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from musicfeat.cli.shared import Commands, catalog_argument, command
from musicfeat.errors import InputError

TEXT = """Teach tags of your own from examples in a catalog: a CSV with the columns track (a file or its name) and
label, ten lines a label or more. Nothing is decoded. The head that is written serves `musicfeat embed --heads`,
`musicfeat fill` and Extractor(heads=[...])."""


def add(commands: Commands) -> None:
    """Declare the command."""
    teach = command(commands, "teach", run, "teach tags of your own, from examples", TEXT)
    catalog_argument(teach)
    teach.add_argument(
        "examples", type=Path, metavar="EXAMPLES.csv", help="examples: a CSV with the columns track and label"
    )
    teach.add_argument(
        "-o", "--output", type=Path, required=True, metavar="HEAD.json", help="file to write; the head takes its name"
    )
    teach.add_argument("--fill", action="store_true", help="give the catalog the head's column, too")
    teach.add_argument("--unsure", type=int, default=0, metavar="N", help="list N tracks whose label would teach most")


def run(options: argparse.Namespace) -> int:
    """Write the head and print its accuracy on other tracks."""
    from musicfeat.catalog import Catalog

    if options.output.suffix != ".json":
        raise InputError(f"a head ends in .json, got {options.output}")
    if options.unsure < 0:
        raise InputError(f"--unsure is a number of tracks, got {options.unsure}")
    catalog = Catalog(options.catalog)
    from musicfeat.catalog.taught import fill
    from musicfeat.catalog.teach import Teacher, read_examples

    teacher = Teacher(catalog)
    examples = read_examples(options.examples, teacher.tracks)
    head, judged = teacher.teach(examples, options.output.stem)
    head.save(options.output)
    counts = ", ".join(f"{label} {count}" for label, count in sorted(head.examples.items()))
    print(f"{options.output}: {len(examples)} examples ({counts})")
    print(str(judged), file=sys.stdout if judged.taught else sys.stderr)
    for number in teacher.unsure(head, list(examples))[: options.unsure].tolist():
        print(f"unsure: {teacher.tracks.row(number)['path']}")
    if options.fill:
        fill(catalog, [head])
        print(f"{options.catalog}: column {head.name} filled")
    return 0
