"""``musicfeat-train evaluate``: a run's own held-out figures, or its figures on a labelled data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from musicfeat.cli.shared import Commands, command
from musicfeat.errors import InputError
from musicfeat_trainer.cli.held_out import print_held_out
from musicfeat_trainer.cli.outcomes import SystemOutcome, markdown, write_outcomes
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.data.sets.registry import SetConfig
from musicfeat_trainer.evaluate.budgets import parse_budget
from musicfeat_trainer.evaluate.control import control
from musicfeat_trainer.evaluate.downstream import WAYS, Subject, evaluate, lead
from musicfeat_trainer.evaluate.fitting import Fitting
from musicfeat_trainer.evaluate.ranking import ranked
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.recipe.files import changed, parse_change
from musicfeat_trainer.section import expanded

PRETRAINED, CONTROL = "pretrained", "random"
HIDDEN = (128, 128)
"""Widths of a probe's hidden layers, if none are given."""
RANK = "rank"
"""Name of the way rank@100, which needs no labels."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "evaluate", run, "score a run on held-out music, or --on a labelled data set")
    parser.add_argument("folder", type=Path, help="folder of the run")
    on = parser.add_argument_group("downstream")
    on.add_argument(
        "--on",
        metavar="SET",
        help="labelled data set, by a name that `list` shows (default: the recipe's held-out music)",
    )
    on.add_argument("--root", type=Path, help="folder of the data set")
    on.add_argument(
        "--set",
        dest="change",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="setting of the data set; may be repeated",
    )
    on.add_argument(
        "--how", type=_ways, default=["probe"], help=f"ways to judge, some of {','.join(WAYS)},{RANK} (default: probe)"
    )
    on.add_argument(
        "--budget",
        nargs="+",
        default=["full"],
        help="number of labelled items: 10 (of each class), 1%%, 10%%x5 (in five draws), full (default: full)",
    )
    on.add_argument("--control", action="store_true", help="judge the same network with random weights, too")
    on.add_argument(
        "--hidden", nargs="*", type=int, metavar="WIDTH",
        help="widths of the probe's hidden layers: 512 is CLMR's, 1024 512 128 Siamusic's (without a width: 128 128)",
    )  # fmt: skip
    on.add_argument(
        "--statistics", choices=("training", "own"), default="training",
        help="source of batch normalisation's statistics: the set's training items (default), or the run's training",
    )  # fmt: skip
    on.add_argument(
        "--fit",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="setting of fine-tuning and probes, such as epochs=30 or batch=16; may be repeated",
    )
    on.add_argument("--store", type=Path, help="folder that keeps decoded audio (default: the recipe's store)")
    on.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    on.add_argument(
        "-o", "--output", type=Path, help="folder to write figures and predictions to (default: below the run)"
    )


def _ways(text: str) -> list[str]:
    ways = text.split(",")
    if wrong := set(ways) - {*WAYS, RANK}:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(wrong))}: choose of {', '.join((*WAYS, RANK))}")
    return ways


def run(options: argparse.Namespace) -> int:
    """Print a Markdown table of figures, chance beside each.

    Raises:
        InputError: a data set, a budget or settings do not fit; raised before anything is trained.
    """
    if options.on:
        judge(options, open_set(options.on, options.root, options.change))
    else:
        print_held_out(options.folder)
    return 0


def judge(options: argparse.Namespace, dataset: DataSet) -> None:
    """Judge a run on a data set in every requested way."""
    method, recipe = load_method(options.folder)
    store = expanded(options.store or recipe.data.store)
    methods = {PRETRAINED: method}
    if options.control:
        methods[CONTROL] = control(recipe.method)
    ranks = [
        SystemOutcome(system, RANK, "none", ranked(each, dataset, store, options.device, options.statistics))
        for system, each in methods.items()
        if RANK in options.how
    ]
    outcomes, subject = learnt(options, methods, dataset, store) if set(options.how) != {RANK} else ([], None)
    outcomes += ranks
    print(markdown(outcomes))
    write_outcomes(options.output or options.folder / "downstream" / dataset.name, outcomes, subject)


def learnt(
    options: argparse.Namespace, methods: dict[str, Method], dataset: DataSet, store: Path
) -> tuple[list[SystemOutcome], Subject]:
    """Outcomes of the ways that learn from labels; errors in the options are raised before the first."""
    config = _checked(Fitting, options.fit)
    if options.hidden is not None:
        config = config.model_copy(update={"hidden": tuple(options.hidden) or HIDDEN})
    budgets = {text: parse_budget(text) for text in options.budget}
    subjects = {
        system: Subject(method, dataset, store, options.device, options.statistics)
        for system, method in methods.items()
    }
    for budget in budgets.values():
        subjects[PRETRAINED].within(budget)
    outcomes = [
        SystemOutcome(system, way, text, evaluate(subject, way, budget, config))
        for way in WAYS
        if way in options.how
        for text, budget in budgets.items()
        for system, subject in subjects.items()
    ]
    return compared(outcomes, subjects[PRETRAINED]), subjects[PRETRAINED]


def compared(outcomes: list[SystemOutcome], subject: Subject) -> list[SystemOutcome]:
    """Outcomes of the trained network with their leads over the control."""
    controls = {(one.way, one.budget): one.outcome for one in outcomes if one.system == CONTROL}
    return [
        one._replace(over_control=lead(subject, one.outcome, other))
        if one.system != CONTROL and (other := controls.get((one.way, one.budget)))
        else one
        for one in outcomes
    ]


def open_set(name: str, root: Path | None, changes: list[str]) -> DataSet:
    """Data set by name.

    Raises:
        InputError: the set is unknown, or has no such settings.
    """
    table: dict[str, Any] = {"name": name} | ({"root": root} if root else {})
    for text in changes:
        table = changed(table, parse_change(text))
    return _validated(SetConfig, table, f"--on {name}").open()


def _checked(kind: Any, changes: list[str]) -> Any:
    table: dict[str, Any] = {}
    for text in changes:
        table = changed(table, parse_change(text))
    return _validated(kind, table, "--fit")


def _validated(kind: Any, table: dict[str, Any], where: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(table)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{where}: " + "; ".join(lines)) from error
