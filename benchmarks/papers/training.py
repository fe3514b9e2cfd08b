"""Training of the plan's systems that are not trained yet, each by the command that a user would type."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from plan import System

SEED = 7
PERFORMANCES = 90
"""Performances used of the 277 in ASAP; rendering all would take longer than training."""


def train(system: System, folder: Path, threads: int, steps: int, seed: int = SEED) -> Path:
    """Folder of a finished run; an interrupted run is continued, and a run with another seed has it in its name."""
    run = folder / (system.name if seed == SEED else f"{system.name}-seed{seed}")
    changes = [*system.changes, f'data.store="{folder}/store"', f"method.seed={seed}"]
    changes += [f"method.steps={steps}", f"method.evaluate_every={max(1, steps // 4)}"]
    command = [sys.executable, "-m", "musicfeat_trainer.cli", "--threads", str(threads), "run", system.recipe]
    for change in changes:
        command += ["--set", change.replace("{folder}", str(folder))]
    subprocess.run([*command, "-o", str(run)], check=True)
    return run


def few_performances(asap: Path, folder: Path) -> Path:
    """A smaller ASAP: links to performances spread over all composers that have three pieces or more."""
    small = folder / "asap"
    if (small / "metadata.csv").exists():
        return small
    with (asap / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (asap / row["midi_performance"]).is_file()]
    pieces: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        pieces[row["composer"]].setdefault(row["title"], row)
    kept = [row for own in pieces.values() if len(own) >= 3 for row in own.values()]
    kept = kept[:: max(1, -(-len(kept) // PERFORMANCES))]
    for row in kept:
        for name in (row["midi_performance"], row["performance_annotations"]):
            (small / name).parent.mkdir(parents=True, exist_ok=True)
            (small / name).symlink_to((asap / name).resolve())
    with (small / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return small
