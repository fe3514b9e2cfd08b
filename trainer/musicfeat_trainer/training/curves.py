"""The log of a training run, as a CSV and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from musicfeat.files import replacing
from musicfeat_trainer.pictures.style import save


def append_row(path: Path, row: dict[str, float]) -> None:
    """Add one evaluation; rows from the same step on, left by an unfinished continuation, are dropped."""
    rows = [old for old in read_rows(path) if old["step"] < row["step"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in line.items()} for line in [*rows, row])


def read_rows(path: Path) -> list[dict[str, float]]:
    """All evaluations so far, oldest first."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def draw_curves(log: Path, picture: Path, chance: Mapping[str, float]) -> None:
    """Draw losses on the left, validation figures with their chance levels on the right."""
    from musicfeat_trainer.pictures.figures import Figure

    rows = read_rows(log)
    steps = [row["step"] for row in rows]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in (key for key in rows[-1] if key.startswith("loss_")):
        left.plot(steps, [row[name] for row in rows], label=name.removeprefix("loss_").replace("_", " "))
    for name, guess in ((name, guess) for name, guess in chance.items() if name in rows[-1]):
        (line,) = right.plot(steps, [row[name] for row in rows], label=name.replace("_", " "))
        right.axhline(guess, color=line.get_color(), linestyle=":", linewidth=1)
    left.set(xlabel="step", ylabel="training loss")
    right.set(xlabel="step", ylabel="on held-out music (dotted: chance)", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    save(figure, picture)
