"""Robustness of `musicfeat embed`: kills at random moments, damaged files of every format, many files and long ones.

python benchmarks/catalog/robustness.py [--kills 50] [--files 60] [--mutants 2000] [--many 10000] [--hours 20]

A number of 0 leaves its part out. Needs psutil. The long file is written at --rate, low to keep the disk free; memory
does not depend on it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from _table import markdown
from catalog.kills import TOLERANCE, kills
from catalog.memory import long, many
from catalog.runs import Row, start

from musicfeat import Extractor, MusicfeatError
from musicfeat.catalog import Catalog
from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import vectors
from support.mutants import write_mutants

CRASHED, GIVEN_UP = "crashed its worker process", "time limit"


def damaged(folder: Path, count: int, seed: int) -> list[Row]:
    """Results for damaged files of every format and their valid originals, in one run."""
    mutants = write_mutants(folder / "files", count, seed)
    seeds = sorted((folder / "files" / "seeds").iterdir())
    paths = [*map(str, mutants), *map(str, seeds)]
    (folder / "list.txt").write_text("\n".join(paths))
    began = time.monotonic()
    code = start(folder / "list.txt", folder / "out").wait()
    seconds = time.monotonic() - began
    table = Catalog(folder / "out").table(["path", "window", "error"], None).to_pylist()
    first = [row for row in table if row["window"] == 0]
    counts = Counter(to_path(row["path"]) for row in first)
    errors = {to_path(row["path"]): row["error"] for row in first if row["error"]}
    valid = [path for path in map(str, seeds) if path in errors]
    formats = len({path.name.split("-")[0] for path in seeds})
    what = f"{count} damaged and {len(seeds)} valid files of {formats} formats, {len(errors)} of them refused, "
    found = [
        int(code not in (0, 1)),
        sum(CRASHED in error for error in errors.values()),
        sum(GIVEN_UP in error for error in errors.values()),
        sum(counts[path] != 1 for path in paths) + len(counts.keys() - set(paths)),
        len(valid),
        _wrong(folder / "out"),
    ]
    names = (
        "crash of the run / of a worker / hangs / files without exactly one status / valid files refused / wrong rows"
    )
    return [[f"{what}in {seconds:.0f} s: {names}", " / ".join(map(str, found)), " / ".join("0" * len(found))]]


def _wrong(out: Path) -> int:
    """Number of rows that differ from the extractor's result for the file alone."""
    table = Catalog(out).table()
    texts, rows = table.column("path").to_pylist(), vectors(table)
    edges = [0, *(i for i, pair in enumerate(pairwise(texts), 1) if pair[0] != pair[1]), len(texts)]
    wrong = 0
    features = Extractor(threads=1).map([to_path(texts[edge]) for edge in edges[:-1]])
    for (begin, end), own in zip(pairwise(edges), features, strict=True):
        alike = not isinstance(own, MusicfeatError) and own.embeddings.shape == rows[begin:end].shape
        wrong += 0 if alike and np.allclose(own.embeddings, rows[begin:end], atol=TOLERANCE) else end - begin
    return wrong


def main() -> None:
    """Print one table with the required value beside every figure."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--files", type=int, default=60)
    options.add_argument("--mutants", type=int, default=2000)
    options.add_argument("--many", type=int, default=10_000)
    options.add_argument("--hours", type=float, default=20)
    options.add_argument("--rate", type=int, default=8000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libsndfile prints messages about some damaged files
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.kills:
            rows += kills(folder / "kills", chosen.files, chosen.kills, chosen.seed)
        if chosen.mutants:
            rows += damaged(folder / "mutants", chosen.mutants, chosen.seed)
        if chosen.many:
            rows += many(folder / "many", chosen.many)
        if chosen.hours:
            rows += long(folder / "long", chosen.hours, chosen.rate)
    print(markdown(["musicfeat embed", "measured", "must be"], rows), file=answers)


if __name__ == "__main__":
    main()
