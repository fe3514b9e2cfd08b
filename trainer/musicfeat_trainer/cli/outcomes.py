"""Results of downstream evaluation: a table to read, and files to draw pictures from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from musicfeat.files import replacing
from musicfeat_trainer.evaluate.downstream import Lead, Outcome, Subject
from musicfeat_trainer.evaluate.ranking import RANKS


class SystemOutcome(NamedTuple):
    """An outcome with its system."""

    system: str
    way: str
    budget: str
    outcome: Outcome
    over_control: Lead | None = None
    """Lead over the control with random weights."""


def markdown(outcomes: Sequence[SystemOutcome]) -> str:
    """Table with a line for each figure, and below it the leads over random weights."""
    lines = ["| how | labels | weights | figure | value | 95 % | chance |", "|---|---|---|---|---|---|---|"]
    for one in outcomes:
        for name, value in one.outcome.figures.items():
            bounds = " to ".join(_shown(name, bound) for bound in one.outcome.intervals.get(name, ()))
            cells = (*_cells(one), name, _shown(name, value), bounds, _shown(name, one.outcome.chance[name]))
            lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\n{one.way}, {one.budget} labels: {_ahead(one.over_control)}" for one in outcomes if one.over_control]
    return "\n".join(lines)


def _ahead(lead: Lead) -> str:
    value, low, high = (f"{number:+.3f}" for number in (lead.value, *lead.interval))
    return f"{value} over random weights (95 % {low} to {high}; P {lead.p:.3g} of a permutation test)"


def _cells(one: SystemOutcome) -> tuple[str, str, str]:
    return one.way, one.budget, one.system


def _shown(name: str, value: float) -> str:
    return f"{value:.3f}" if name in ("mae", "r2", *RANKS) else f"{100 * value:.1f} %"


def write_outcomes(folder: Path, outcomes: Sequence[SystemOutcome], subject: Subject | None) -> None:
    """Write ``figures.json``, ``classes.json``, ``curves.json`` and, if labels were learnt, ``predictions.npz``.

    The first is a list of objects with ``system``, ``how``, ``budget``, ``figure``, ``value``, ``chance``, ``folds``,
    the values that a mean was taken of, ``interval``, and ``over_control``, the lead over random weights with
    ``value``, ``interval`` and ``p``; both null if not computed. The second lists precision, recall, F1 and support of
    each ``class`` over the items of all folds; the third the ``loss`` and the validation ``score`` of each ``epoch`` of
    each ``fold``. The last holds ``paths``, ``truth``, ``embedding`` (frozen, of the trained network) and ``scores`` of
    the tested items, and ``classes``; scores are those of the first way within the last budget, by the trained network.
    All scores are there as ``scores HOW BUDGET SYSTEM``, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("figures", _figures), ("classes", _classes), ("curves", _curves)):
        with replacing(folder / f"{name}.json") as temporary:
            temporary.write_text(json.dumps([row for one in outcomes for row in rows(one)], indent=1) + "\n")
    if subject:
        with replacing(folder / "predictions.npz") as temporary:
            np.savez_compressed(temporary, **_predictions(outcomes, subject))


def _predictions(outcomes: Sequence[SystemOutcome], subject: Subject) -> dict[str, Any]:
    learnt = [one for one in outcomes if len(one.outcome.rows)]
    first = [one for one in learnt if (one.way, one.system) == (learnt[0].way, learnt[0].system)][-1].outcome
    dataset, tested = subject.dataset, first.rows
    draws = len(tested) // len(subject.tested)
    return {
        "paths": np.array([dataset.items[row].path for row in tested]),
        "truth": dataset.targets[tested],
        "scores": first.scores,
        "classes": np.array(dataset.classes, dtype=str),
        "embedding": np.tile(subject.tested, (draws, 1)),
        **{f"scores {one.way} {one.budget} {one.system}": one.outcome.scores for one in learnt},
    }


def _whose(one: SystemOutcome) -> dict[str, object]:
    return {"system": one.system, "how": one.way, "budget": one.budget}


def _figures(one: SystemOutcome) -> Iterator[dict[str, object]]:
    for name, value in one.outcome.figures.items():
        folds = [fold[name] for fold in one.outcome.folds]
        sure = one.outcome.intervals.get(name)
        lead = one.over_control._asdict() if sure and one.over_control else None
        of_choice = {"interval": sure, "over_control": lead}
        found = {"figure": name, "value": value, "chance": one.outcome.chance[name], "folds": folds}
        yield _whose(one) | found | of_choice


def _classes(one: SystemOutcome) -> Iterator[dict[str, object]]:
    return (_whose(one) | {"class": name, **row} for name, row in one.outcome.each.items())


def _curves(one: SystemOutcome) -> Iterator[dict[str, object]]:
    for fold, epochs in enumerate(one.outcome.curves, 1):
        for epoch, (loss, score) in enumerate(epochs, 1):
            yield _whose(one) | {"fold": fold, "epoch": epoch, "loss": loss, "score": score}
