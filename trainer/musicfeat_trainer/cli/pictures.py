"""``musicfeat-train pictures``: pictures of a run or an evaluation."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.cli.shared import Commands, command
from musicfeat.errors import InputError, MusicfeatError
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.method.certainty import judged
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.pictures.budget_curves import draw_budget_curves
from musicfeat_trainer.pictures.confusion import draw_confusion
from musicfeat_trainer.pictures.embedding_map import draw_embedding_map, one_class
from musicfeat_trainer.pictures.filters import draw_filters, filter_spectra, reached_layers
from musicfeat_trainer.pictures.learning_curves import draw_learning_curves
from musicfeat_trainer.pictures.mistakes import draw_mistakes
from musicfeat_trainer.pictures.pr_curves import draw_pr_curves
from musicfeat_trainer.runs import PARTS, parts_of
from musicfeat_trainer.training.checkpoint import load_recipe_of
from musicfeat_trainer.training.curves import draw_curves

Draw = Callable[[Path, Path], None]
"""Function that draws pictures of the first folder into the second."""


def add(commands: Commands) -> None:
    """Declare the command."""
    pictures = command(commands, "pictures", run, "draw a run, or an evaluation that `evaluate -o` kept")
    pictures.add_argument("folder", type=Path, help="folder of the run or of the evaluation")
    pictures.add_argument("--of", choices=sorted(OF_RUNS), help="kind of picture of a run (default: all that it has)")
    pictures.add_argument("-o", "--output", type=Path, required=True, help="folder of the pictures")


def run(options: argparse.Namespace) -> int:
    """Draw the pictures, and print which ones could not be drawn and why.

    Raises:
        MusicfeatError: the folder is neither a run nor an evaluation, or no picture, or not the one requested, can be
            drawn.
    """
    kinds = OF_RUNS if (options.folder / "recipe.json").exists() else OF_EVALUATIONS
    if kinds is OF_EVALUATIONS and not any((options.folder / name).exists() for name in FILES):
        raise InputError(f"{options.folder} holds neither recipe.json of a run nor {' or '.join(FILES)}")
    if options.of:
        if kinds is OF_EVALUATIONS:
            raise InputError(f"--of {options.of} is drawn of runs, and {options.folder} is an evaluation")
        kinds = {options.of: kinds[options.of]}
    failures = 0
    for name, draw in kinds.items():
        try:
            draw(options.folder, options.output)
        except MusicfeatError as error:
            if len(kinds) == 1:
                raise
            failures += 1
            print(f"no {name}: {error}")
    if failures == len(kinds):
        raise InputError(f"{options.folder} has nothing that could be drawn")
    print(f"pictures are in {options.output}")
    return 0


def curves(folder: Path, output: Path) -> None:
    """Draw losses and figures of each part of a run."""
    recipe = load_recipe_of(folder)
    logs = {name: folder / name / "log.csv" for name in parts_of(recipe)}
    if not any(log.exists() for log in logs.values()):
        raise InputError(f"{folder} has no log yet: its training has not been evaluated once")
    for name, log in logs.items():
        if log.exists():
            draw_curves(log, output / f"curves_{name}.png", PARTS[name](recipe, folder).chance)


def filters(folder: Path, output: Path) -> None:
    """Draw the filters of each convolution that 729 samples reach."""
    method, _ = load_method(folder)
    contents, encoder = method.frontend(0).contents, method.objective.encoder
    if method.frontend(0).transform is not None or not isinstance(contents, Waveform):
        raise InputError("this run's encoder reads pictures: only encoders of raw samples have such filters")
    for number, (name, layer) in enumerate(reached_layers(encoder).items(), 1):
        title = f"Filters of convolution {number} ({name})"
        draw_filters(filter_spectra(encoder, layer), contents.sample_rate, title, output / f"filters_{number:02d}.png")


def mistakes(folder: Path, output: Path) -> None:
    """Draw confident mistakes and uncertain clips of held-out music."""
    draw_mistakes(judged(*load_method(folder)), output / "mistakes.png")


def of_scores(folder: Path, output: Path) -> None:
    """Draw precision and recall of each class or tag, and the confusion of classes."""
    found = predictions(folder)
    truth, scores, classes = found.truth, found.scores, found.classes
    if truth.ndim == 1:
        draw_confusion(truth.astype(np.int64), scores.argmax(axis=1), classes, output / "confusion.png")
        truth = np.eye(len(classes))[truth.astype(np.int64)]
    draw_pr_curves(truth, scores, classes, output / "pr_curves.png")


def of_embedding(folder: Path, output: Path) -> None:
    """Draw the embedding as a map."""
    found = predictions(folder)
    draw_embedding_map(found.embedding, one_class(found.truth), found.classes, output / "embedding_map.png")


def of_predictions(folder: Path, output: Path) -> None:
    """Draw the predictions of each system and way as a map, coloured by the truth (Berkeley, 2022, figure 3.5)."""
    truth, classes = one_class(predictions(folder).truth), predictions(folder).classes
    with np.load(folder / "predictions.npz", allow_pickle=False) as file:
        systems = {name: file[name] for name in file.files if name.startswith("scores ")}
    for name, scores in systems.items():
        plain = re.sub(r"[^\w@.-]", "_", name.removeprefix("scores "))
        draw_embedding_map(scores, truth, classes, output / f"predictions_map_{plain}.png")


def of_epochs(folder: Path, output: Path) -> None:
    """Draw downstream training epoch by epoch."""
    try:
        rows = json.loads((folder / "curves.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} has no epochs of `evaluate -o`: {error}") from error
    draw_learning_curves(rows, output / "learning_curves.png")


class Predictions(NamedTuple):
    """Contents of ``predictions.npz``, which ``evaluate -o`` writes."""

    truth: npt.NDArray[Any]
    """Indices into ``classes``, [n], or tags, [n, classes]: 1 there, 0 missing, NaN unknown."""
    scores: npt.NDArray[Any]
    """Scores, [n, classes]."""
    classes: list[str]
    embedding: npt.NDArray[Any]
    """Embedding, [n, D]."""


def predictions(folder: Path) -> Predictions:
    """Predictions of an evaluation.

    Raises:
        InputError: there are no predictions, or they are numbers, which have no classes.
    """
    path = folder / "predictions.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            truth, scores, classes, embedding = (file[name] for name in ("truth", "scores", "classes", "embedding"))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} holds no predictions of `evaluate -o`: {error}") from error
    if not len(classes):
        raise InputError(f"{path} predicts numbers, not classes")
    return Predictions(truth, scores, [str(name) for name in classes], embedding)


def of_figures(folder: Path, output: Path) -> None:
    """Draw each figure against the label budget, if there are several budgets."""
    try:
        rows = json.loads((folder / "figures.json").read_text())
        figures = {name: {row["budget"] for row in rows if row["figure"] == name} for name in _names(rows)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} has no figures of `evaluate -o`: {error}") from error
    several = [name for name, budgets in figures.items() if len(budgets) > 1]
    if not several:
        raise InputError("every figure has one label budget only")
    for name in several:
        plain = re.sub(r"[^\w@.-]", "_", name)
        draw_budget_curves(rows, name, output / f"budget_{plain}.png")


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["figure"] for row in rows))


OF_RUNS: dict[str, Draw] = {"curves": curves, "filters": filters, "mistakes": mistakes}
OF_EVALUATIONS: dict[str, Draw] = {
    "precision and recall": of_scores,
    "embedding map": of_embedding,
    "budget curves": of_figures,
    "map of predictions": of_predictions,
    "learning curves": of_epochs,
}
FILES = ("predictions.npz", "figures.json")
