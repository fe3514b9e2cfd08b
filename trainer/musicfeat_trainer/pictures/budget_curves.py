"""Curves of a figure against the number of labels that a system had (as Addepalli et al., 2019, table 2)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from musicfeat.errors import InputError
from musicfeat_trainer.pictures.style import COLOURS, MARKERS, STROKES, label, save


class Row(TypedDict):
    """One figure of one system, as an evaluation lists it in ``figures.json``."""

    system: str
    """Name of the system: pretrained, random initialisation..."""
    how: str
    """Way of using it: linear probe, fine-tuning..."""
    budget: str
    """Label budget: a number, perhaps with words or a per cent sign; without a number: all labels."""
    figure: str
    value: float
    chance: float


def budget_places(budgets: Sequence[str]) -> dict[str, float]:
    """Positions of budgets on a logarithmic axis; one without a number lies one more step behind the last.

    Raises:
        InputError: a budget is 0.
    """
    numbers = {budget: float(found[0]) for budget in budgets if (found := re.search(r"\d+(\.\d+)?", budget))}
    if not all(numbers.values()):
        raise InputError(f"a label budget of nothing among {', '.join(numbers)}")
    known = sorted({*numbers.values()})
    step = known[-1] / known[-2] if len(known) > 1 else 10.0
    full = known[-1] * step if known else 1.0
    places = {budget: numbers.get(budget, full) for budget in budgets}
    return dict(sorted(places.items(), key=lambda place: place[1]))


def budget_lines(rows: Sequence[Row]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Positions of budgets and values, ascending, by system and way of using it."""
    places = budget_places([row["budget"] for row in rows])
    lines = defaultdict(list)
    for row in rows:
        lines[row["system"], row["how"]].append((places[row["budget"]], row["value"]))
    return {key: sorted(points) for key, points in lines.items()}


def draw_budget_curves(rows: Sequence[Row], figure_name: str, path: Path) -> None:
    """Draw one line a system over a logarithmic axis; strokes show the way of using it, dotted grey is chance.

    Raises:
        InputError: no row has the figure, or a budget is 0.
    """
    from matplotlib.ticker import NullLocator

    from musicfeat_trainer.pictures.figures import Figure

    rows = [row for row in rows if row["figure"] == figure_name]
    if not rows:
        raise InputError(f"the evaluation has no figure {figure_name!r}")
    places, lines = budget_places([row["budget"] for row in rows]), budget_lines(rows)
    systems, ways = (list(dict.fromkeys(key[i] for key in lines)) for i in (0, 1))
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for (system, how), points in lines.items():
        i, stroke = systems.index(system), STROKES[ways.index(how) % len(STROKES)]
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        line = axes.plot(*zip(*points, strict=True), label=f"{system}, {how}", color=colour)
        line[0].set(marker=marker, linestyle=stroke)
    chances = sorted({places[row["budget"]]: row["chance"] for row in rows}.items())
    axes.plot(*zip(*chances, strict=True), color="grey", linestyle=":", label="chance")
    axes.set_xscale("log")
    axes.set_xticks(list(places.values()), list(places))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="labels", ylabel=label(figure_name))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=9)
    save(figure, path)
