"""Tables behind a paper's figures: F1 of every class, and clips that a pretext task is most confidently wrong about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from judging import outcome_folder

from musicfeat_trainer.method.certainty import judged
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.pictures.mistakes import mistakes

Rows = Iterator[list[str]]
SYSTEMS = ("pretrained", "random")


def each_class(runs: list[tuple[str, Path]], name: str, way: str, budget: str) -> tuple[list[str], Rows]:
    """Table of a data set's classes: number of test items, and F1 of each run with trained and with random weights."""

    def f1(run: Path) -> dict[tuple[str, str], dict[str, float]]:
        rows = json.loads((outcome_folder(run, name, way, budget) / "classes.json").read_text())
        return {(row["class"], row["system"]): row for row in rows}

    def rows() -> Rows:
        found = [f1(run) for _, run in runs]
        for one in dict.fromkeys(of for first in found[:1] for of, _ in first):
            values = [f"{100 * run[one, system]['f1']:.0f} %" for run in found for system in SYSTEMS]
            yield [one, str(round(found[0][one, SYSTEMS[0]]["support"])), *values]

    return ["class", "items", *(f"{recipe}, {system}" for recipe, _ in runs for system in SYSTEMS)], rows()


def confident_mistakes(runs: list[tuple[str, Path]]) -> tuple[list[str], Rows]:
    """Table of the held-out clips that each run answers wrongly and surest."""

    def rows() -> Rows:
        for recipe, run in runs:
            for clip in mistakes(judged(*load_method(run))):
                yield [recipe, clip.path, f"{clip.start:.0f} to {clip.end:.0f} s", f"{100 * clip.certainty:.1f} %"]

    return ["recipe", "track", "where", "P(right)"], rows()
