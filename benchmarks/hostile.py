"""Damaged files of every format, each through ``musicfeat.load`` in a child process: decoded or refused in words.

Anything else is a finding: another exception, samples that are not finite, a crash, too much time or memory. The file
is kept, and the exit code is 1.

python benchmarks/hostile.py [--count 3000] [--seed 0] [--keep runs/hostile]
python benchmarks/hostile.py FILE...
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _table import markdown

from support.decoding import DECODED, REFUSED, decode_in_children
from support.mutants import write_mutants


def table(outcomes: Sequence[tuple[Path, str]]) -> str:
    """Counts of decoded, refused and other outcomes for each format."""
    counts: dict[str, list[int]] = {}
    for path, outcome in outcomes:
        for name in (path.name.split("-")[1], "all"):
            row = counts.setdefault(name, [0, 0, 0, 0])
            row[0] += 1
            row[(DECODED, REFUSED, outcome).index(outcome) + 1] += 1
    rows = [[name, *map(str, counts[name])] for name in sorted(counts, key=lambda name: (name == "all", name))]
    return markdown(["format", "files", "decoded", "refused", "findings"], rows)


def damage(count: int, seed: int, keep: Path) -> int:
    """Decode damaged files, print the outcomes and keep the findings; return the number of findings."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = list(decode_in_children(write_mutants(Path(folder), count, seed)))
        print(table(outcomes))
        findings = [(path, outcome) for path, outcome in outcomes if outcome not in (DECODED, REFUSED)]
        for path, outcome in findings:
            keep.mkdir(parents=True, exist_ok=True)
            print(f"{shutil.copy(path, keep)}: {outcome}")
    return len(findings)


def main() -> int:
    """Decode the given files, or the requested number of damaged ones; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--count", type=int, default=3000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, default=Path("runs/hostile"))
    chosen = options.parse_args()
    if not chosen.files:
        return 1 if damage(chosen.count, chosen.seed, chosen.keep) else 0
    outcomes = list(decode_in_children(chosen.files))
    for path, outcome in outcomes:
        print(f"{path}: {outcome}")
    return 0 if {outcome for _, outcome in outcomes} <= {DECODED, REFUSED} else 1


if __name__ == "__main__":
    sys.exit(main())
