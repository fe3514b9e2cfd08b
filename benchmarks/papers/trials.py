"""Parts of a small experiment: a few tracks, a method with fresh weights, steps of training, a probe behind it."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from _table import data_folder

from musicfeat_trainer.cli.evaluate import open_set
from musicfeat_trainer.evaluate.budgets import parse_budget
from musicfeat_trainer.evaluate.downstream import Subject, evaluate
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import MethodPart
from musicfeat_trainer.recipe.files import open_recipe

HELD_OUT = "held_out"
SET = 'name="folder", root="$MUSICFEAT_DATA/music", table="{folder}/tracks.csv"'
FEW_TRACKS = f'data.set={{{SET}, validation_sources=["{HELD_OUT}"]}}'
"""A few tracks, some of them held out, so that decoding takes a minute."""
FEW_PERFORMANCES = 'data.set.root="{folder}/asap"'
"""A few performances, so that rendering takes five minutes."""


def few_tracks(folder: Path, count: int) -> None:
    """Write a table of ``count`` tracks spread over all sources; every fifth is its own source, held out."""
    with (data_folder() / "music" / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("noncommercial") != "yes"]
    rows = rows[:: max(1, len(rows) // count)][:count]
    with (folder / "tracks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "source"))
        writer.writerows((row["path"], "trained" if i % 5 else HELD_OUT) for i, row in enumerate(rows))


def few_performances(folder: Path) -> None:
    """A smaller ASAP: links to one performance of every second piece, by composers that have three pieces or more."""
    asap, small = data_folder() / "asap", folder / "asap"
    if (small / "metadata.csv").exists():
        return
    with (asap / "metadata.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (asap / row["midi_performance"]).is_file()]
    pieces: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in rows:
        pieces[row["composer"]].setdefault(row["title"], row)
    kept = [row for own in pieces.values() if len(own) >= 3 for row in own.values()][::2]
    for row in kept:
        for name in (row["midi_performance"], row["performance_annotations"]):
            (small / name).parent.mkdir(parents=True, exist_ok=True)
            (small / name).symlink_to((asap / name).resolve())
    with (small / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)


def opened(recipe: str, folder: Path, *changes: str) -> MethodPart:
    """A part with a fresh module, drawn with seed 7, and its data ready."""
    given = [change.replace("{folder}", str(folder)) for change in (*changes, f'data.store="{folder}/store"')]
    part = MethodPart(open_recipe(recipe, given), folder / "unused")
    torch.manual_seed(7)
    part.module = part.build(part.recipe)
    part.open_training()
    part.open_validation()
    return part


def steps(part: MethodPart, count: int, rate: float) -> Iterator[int]:
    """Steps of Adam at a constant rate; yields the number of each finished step."""
    module = part.module
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], rate)
    for number in range(count):
        module.train()
        loss = torch.stack(list(part.losses(number).values())).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        part.after_step()
        yield number + 1


def figure(part: MethodPart, name: str) -> float:
    """A pretext figure on the held-out clips."""
    return round(part.evaluate(part.module.eval())[name], 4)


def instruments(method: Method, folder: Path) -> dict[str, Any]:
    """Accuracy of a probe that tells 16 instruments by ten notes each, with its 95 % interval; chance 6.25 %."""
    subject = Subject(method.eval(), open_set("notes", data_folder() / "notes", []), folder / "store")
    outcome = evaluate(subject, "probe", parse_budget("10"))
    return {"accuracy": outcome.figures["accuracy"], "95 %": outcome.intervals["accuracy"]}
