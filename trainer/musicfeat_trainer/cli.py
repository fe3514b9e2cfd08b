"""The command ``musicfeat-train``: list, run, evaluate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from musicfeat.errors import InputError, MusicfeatError
from musicfeat_trainer.checkpoint import save_recipe
from musicfeat_trainer.commands import pictures
from musicfeat_trainer.config import Recipe, load_recipe
from musicfeat_trainer.distributed import rank, start, stop
from musicfeat_trainer.model import PARTS, load_model, parts_of
from musicfeat_trainer.training import Trainer

RECIPES = Path(__file__).parent / "recipes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all went well, 1 with one line on stderr otherwise."""
    options = parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        start()
        options.run(options)
    except MusicfeatError as error:
        print(f"musicfeat-train: {error}", file=sys.stderr)
        return 1
    finally:
        stop()
    return 0


def parser() -> argparse.ArgumentParser:
    """The argument parser."""
    top = argparse.ArgumentParser(prog="musicfeat-train", description="Pretrain and evaluate music encoders.")
    top.add_argument("--threads", type=int, help="threads of torch (default: torch's own choice)")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list", help="the recipes that come with the package").set_defaults(run=run_list)
    run = commands.add_parser("run", help="train a recipe, or go on where it stopped")
    run.add_argument("recipe", help="a TOML file, or the name of a recipe that `list` shows")
    run.add_argument("-o", "--output", type=Path, help="folder of the run (default: runs/RECIPE)")
    run.add_argument("--part", choices=sorted(PARTS), help="train this part only (default: one after another)")
    run.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    run.set_defaults(run=run_training)
    evaluate = commands.add_parser("evaluate", help="score a run on the recipe's test sources")
    evaluate.add_argument("folder", type=Path, help="folder of the run")
    evaluate.set_defaults(run=run_evaluation)
    pictures.add(commands)
    return top


def find_recipe(name: str) -> Path:
    """A path as it is, or the file of a recipe that comes with the package."""
    for path in (Path(name), RECIPES / f"{name}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
    raise InputError(f"no recipe {name!r}: neither a file nor one of {known}")


def run_list(_: argparse.Namespace) -> None:
    """Print name and first comment line of each recipe."""
    for path in sorted(RECIPES.glob("*.toml")):
        print(f"{path.stem}: {path.read_text().splitlines()[0].lstrip('# ')}")


def run_training(options: argparse.Namespace) -> None:
    """Train every part, or the one asked for, resuming where the folder holds a checkpoint."""
    recipe = load_recipe(find_recipe(options.recipe))
    folder = options.output or Path("runs") / recipe.name
    for name in [options.part] if options.part else parts_of(recipe):
        trainer = Trainer(PARTS[name](recipe, folder), options.device)
        if rank() == 0:
            save_recipe(folder, recipe)
        trainer.run()
        done = trainer.progress
        print(
            f"{folder / name}: {done['step']} steps, best mean score {done['best']:.4f}, "
            f"{trainer.waiting:.1%} of the time spent waiting for data"
        )


def run_evaluation(options: argparse.Namespace) -> None:
    """Print a Markdown table of the recipe's test sources, chance beside each figure."""
    model, recipe = load_model(options.folder)
    print("| part | figure | value | chance |\n|---|---|---|---|")
    for name in parts_of(recipe):
        kind = PARTS[name]
        part = kind(on_test_sources(recipe), options.folder)
        part.module = getattr(model, name)
        part.open_validation()
        for figure, value in part.evaluate(part.module).items():
            print(f"| {name} | {figure} | {100 * value:.1f} % | {100 * part.chance[figure]:.1f} % |")


def on_test_sources(recipe: Recipe) -> Recipe:
    """The recipe with its test sources in the place of those that early stopping looks at."""
    if not recipe.data.test_sources:
        raise InputError("the recipe names no test_sources to evaluate on")
    data = recipe.data.model_copy(update={"validation_sources": recipe.data.test_sources})
    return recipe.model_copy(update={"data": data, "rendered": None})


if __name__ == "__main__":
    sys.exit(main())
