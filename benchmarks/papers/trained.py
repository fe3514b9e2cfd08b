"""Trained systems: their runs, and the figures of their pretext tasks."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

from plan import SYSTEMS

from musicfeat_trainer.cli.held_out import print_held_out


def held_out(run: Path) -> dict[str, tuple[str, str]]:
    """Value and chance by figure, as ``musicfeat-train evaluate RUN`` prints them; stored with the run."""
    kept = run / "held_out.json"
    if not kept.exists():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            print_held_out(run)
        cells = [line.strip("| ").split(" | ") for line in printed.getvalue().splitlines()[2:]]
        kept.write_text(json.dumps({figure: [value, chance] for _, figure, value, chance in cells}))
    return {figure: (value, chance) for figure, (value, chance) in json.loads(kept.read_text()).items()}


def pretext(run: Path) -> tuple[str, str]:
    """A method's first pretext figure and its chance; mean and range over seeds where several were trained."""
    value, chance = next(iter(held_out(run).values()))
    seeds = [
        path for path in sorted(run.parent.glob(f"{run.name}-seed*")) if (path / "method/best.safetensors").exists()
    ]
    if not seeds:
        return value, chance
    values = [float(next(iter(held_out(path).values()))[0].rstrip(" %")) for path in (run, *seeds)]
    return f"{sum(values) / len(values):.1f} % ({min(values)} to {max(values)}, {len(values)} seeds)", chance


def finished(folder: Path, paper: str) -> Iterator[tuple[str, Path]]:
    """Recipe and run of each trained system of a paper."""
    for system in SYSTEMS:
        if system.paper == paper and (folder / system.name / "method" / "best.safetensors").exists():
            yield system.recipe, folder / system.name
