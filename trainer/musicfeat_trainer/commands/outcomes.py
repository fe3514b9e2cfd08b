"""What downstream evaluation leaves behind: a table to read, and files to draw pictures from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from musicfeat_trainer.evaluate.downstream import Outcome, Subject


class Kept(NamedTuple):
    """An outcome, and whose it is."""

    system: str
    way: str
    budget: str
    outcome: Outcome


def markdown(kept: Sequence[Kept]) -> str:
    """A table with a line for each figure."""
    lines = ["| how | labels | weights | figure | value | chance |", "|---|---|---|---|---|---|"]
    for system, way, budget, outcome in kept:
        for name, value in outcome.figures.items():
            cells = (way, budget, system, name, _shown(name, value), _shown(name, outcome.chance[name]))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(name: str, value: float) -> str:
    return f"{value:.3f}" if name in ("mae", "r2") else f"{100 * value:.1f} %"


def keep(folder: Path, kept: Sequence[Kept], subject: Subject) -> None:
    """Write ``figures.json`` and ``predictions.npz``.

    The first is a list of objects with ``system``, ``how``, ``budget``, ``figure``, ``value`` and ``chance``, with
    ``folds``, the values that the mean was taken of; precision, recall, F1 and support of class C are among
    them as ``precision of C``..., without chance and folds, for the items of all folds together.
    The second holds ``paths``, ``truth``, ``embedding`` (of the pretrained network) and ``scores`` of the items
    tested, and ``classes``; scores are those of the first way with the last budget, by the pretrained network. Those
    of others are ``scores HOW BUDGET SYSTEM``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for one in kept for row in _rows(one)]
    (folder / "figures.json").write_text(json.dumps(rows, indent=1) + "\n")
    first = [one for one in kept if (one.way, one.system) == (kept[0].way, kept[0].system)][-1].outcome
    dataset, tested = subject.dataset, first.rows
    np.savez_compressed(
        folder / "predictions.npz",
        paths=np.array([dataset.items[row].path for row in tested]),
        truth=dataset.targets[tested],
        scores=first.scores,
        classes=np.array(dataset.classes, dtype=str),
        embedding=subject.features[tested],
        **{f"scores {one.way} {one.budget} {one.system}": one.outcome.scores for one in kept},
    )


def _rows(one: Kept) -> Iterator[dict[str, object]]:
    whose = {"system": one.system, "how": one.way, "budget": one.budget}
    for name, value in one.outcome.figures.items():
        folds = [fold[name] for fold in one.outcome.folds]
        yield {**whose, "figure": name, "value": value, "chance": one.outcome.chance[name], "folds": folds}
