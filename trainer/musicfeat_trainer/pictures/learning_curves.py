"""Downstream training epoch by epoch, as figures 3.3 to 3.8 of Berkeley (2022) and 12 of Addepalli et al. (2019)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.pictures.style import COLOURS, STROKES, save

Array = npt.NDArray[np.float64]


class EpochRow(TypedDict):
    """An epoch of a fold, as an evaluation lists it in ``curves.json``."""

    system: str
    how: str
    budget: str
    fold: int
    epoch: int
    loss: float
    score: float


class Curve(NamedTuple):
    """A figure over epochs, of all folds."""

    mean: Array
    """Mean [epochs]; a fold that stopped early keeps its last value."""
    deviation: Array
    """Deviation [epochs] over folds."""


def curve_of(rows: Sequence[EpochRow], figure: str) -> Curve:
    """Mean and deviation over the folds of one system and way, ``figure`` being ``loss`` or ``score``."""
    folds = {row["fold"] for row in rows}
    values = [[row[figure] for row in rows if row["fold"] == fold] for fold in sorted(folds)]  # type: ignore[literal-required]
    longest = max(map(len, values))
    lines = np.array([line + line[-1:] * (longest - len(line)) for line in values])
    return Curve(lines.mean(0), lines.std(0))


def draw_learning_curves(rows: Sequence[EpochRow], path: Path) -> None:
    """Draw training loss on the left, the validation figure on the right, a line with its deviation for each system.

    Args:
        rows: rows of all epochs.
        path: path of the PNG.

    Raises:
        InputError: nothing was trained in epochs.
    """
    from matplotlib.figure import Figure

    if not rows:
        raise InputError("nothing was trained in epochs: fine-tune, or probe with hidden layers")
    lines = list(dict.fromkeys((row["system"], row["how"], row["budget"]) for row in rows))
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "score"), strict=True):
        for number, line in enumerate(lines):
            curve = curve_of([row for row in rows if (row["system"], row["how"], row["budget"]) == line], name)
            epochs, colour = 1 + np.arange(len(curve.mean)), COLOURS[number % len(COLOURS)]
            stroke = STROKES[number // len(COLOURS) % len(STROKES)]
            axes.plot(
                epochs, curve.mean, color=colour, linestyle=stroke, label=f"{line[0]}, {line[1]}, {line[2]} labels"
            )
            low, high = curve.mean - curve.deviation, curve.mean + curve.deviation
            axes.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel="epoch", ylabel="training loss" if name == "loss" else "on validation items")
        axes.grid(alpha=0.3)
    axes.legend(fontsize=9)
    save(figure, path)
