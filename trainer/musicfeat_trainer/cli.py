"""The command ``musicfeat-train``: list, run, evaluate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from musicfeat.errors import InputError, MusicfeatError
from musicfeat_trainer.checkpoint import load_model
from musicfeat_trainer.config import load_recipe
from musicfeat_trainer.data.store import prepare
from musicfeat_trainer.encoders.temporal_net import PIECES
from musicfeat_trainer.evaluate.pretext import CHANCE, evaluate_pretext, fixed_clips
from musicfeat_trainer.training import Trainer

RECIPES = Path(__file__).parent / "recipes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all went well, 1 with one line on stderr otherwise."""
    options = parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        options.run(options)
    except MusicfeatError as error:
        print(f"musicfeat-train: {error}", file=sys.stderr)
        return 1
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
    run.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    run.set_defaults(run=run_training)
    evaluate = commands.add_parser("evaluate", help="score a checkpoint on the recipe's test sources")
    evaluate.add_argument("checkpoint", type=Path)
    evaluate.set_defaults(run=run_evaluation)
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
    """Train, resuming if the folder holds a checkpoint."""
    recipe = load_recipe(find_recipe(options.recipe))
    folder = options.output or Path("runs") / recipe.name
    trainer = Trainer(recipe, folder, options.device)
    trainer.run()
    print(f"{folder}: {trainer.progress['step']} steps, best mean score {trainer.progress['best']:.4f}")


def run_evaluation(options: argparse.Namespace) -> None:
    """Print a Markdown table of the recipe's test sources, chance beside each figure."""
    model, checkpoint = load_model(options.checkpoint)
    data, config = checkpoint.recipe.data.expanded(), checkpoint.recipe.training
    if not data.test_sources:
        raise InputError("the recipe names no test_sources to evaluate on")
    store = prepare(data.store, data.audio, data.table, checkpoint.recipe.frontend)
    tracks = store.of_sources(data.test_sources)
    clips = fixed_clips(store, tracks, PIECES * config.piece_frames, config.clips_per_track)
    scores = evaluate_pretext(model, clips)
    print(f"{len(clips)} clips of {len(tracks)} tracks, {len(data.test_sources)} sources never trained on\n")
    print("| task | accuracy | chance |\n|---|---|---|")
    for name, value in asdict(scores).items():
        print(f"| {name} | {100 * value:.1f} % | {100 * CHANCE[name]:.1f} % |")


if __name__ == "__main__":
    sys.exit(main())
