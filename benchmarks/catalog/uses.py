"""Time of a playlist, a lesson and a column in a large catalog of drawn vectors: Markdown.

python benchmarks/catalog/uses.py --tracks 100000 --windows 24
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from _table import markdown
from catalog import drawn

from musicfeat.catalog.playlist import Limits, Playlists
from musicfeat.catalog.reader import Catalog
from musicfeat.catalog.taught import fill
from musicfeat.catalog.teach import Teacher

EXAMPLES = 40


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tracks", type=int, default=100_000)
    options.add_argument("--windows", type=int, default=24, help="number of windows of each track")
    asked = options.parse_args()
    drawn.WINDOWS = asked.windows
    drawn.PART_ROWS = 32768 // asked.windows * asked.windows
    with tempfile.TemporaryDirectory() as folder:
        drawn.write(Path(folder), asked.tracks, 1)
        print(f"{asked.tracks} tracks of {asked.windows} windows\n")
        print(markdown(["what", "s", "s of processor time"], list(measured(Path(folder)))))


def measured(folder: Path) -> list[list[str]]:
    """A row for each use; the first builds files that the others find on the disk."""
    seed = f"/music/source {7:04d}/track {7:08d}.opus"
    other = f"/music/source {9:04d}/track {9:08d}.opus"
    rows = [row("vectors of tracks, once for a catalog", lambda: Playlists(folder))]
    rows.append(row("playlist of 40, opening included", lambda: Playlists(folder).like([seed], [other], Limits(40))))
    rows.append(row("path of 40, opening included", lambda: Playlists(folder).path(seed, other, Limits(40))))
    examples = {number: ("a", "b")[number % 2] for number in range(EXAMPLES)}
    rows.append(row(f"teach with {EXAMPLES} examples, opening included", lambda: Teacher(folder).teach(examples, "x")))
    head, _ = Teacher(folder).teach(examples, "x")
    rows.append(row("column of a head", lambda: fill(Catalog(folder), [head])))
    return rows


def row(name: str, work: Callable[[], object]) -> list[str]:
    wall, own = time.perf_counter(), time.process_time()
    work()
    return [name, f"{time.perf_counter() - wall:.2f}", f"{time.process_time() - own:.2f}"]


if __name__ == "__main__":
    main()
