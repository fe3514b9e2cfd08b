"""The command ``musicfeat-train``: list, run, evaluate, pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from musicfeat.errors import MusicfeatError
from musicfeat_trainer.checkpoint import save_recipe
from musicfeat_trainer.commands import evaluate, listing, pictures
from musicfeat_trainer.distributed import rank, start, stop
from musicfeat_trainer.model import PARTS, parts_of
from musicfeat_trainer.recipe_files import open_recipe
from musicfeat_trainer.training import Trainer


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
    listing.add(commands)
    run = commands.add_parser("run", help="train a recipe, or go on where it stopped")
    run.add_argument("recipe", help="a TOML file, or what `list` shows, such as music_small or jigsaw/resnet18-3s")
    run.add_argument("-o", "--output", type=Path, help="folder of the run (default: runs/RECIPE)")
    run.add_argument("--set", dest="change", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    run.add_argument("--part", choices=sorted(PARTS), help="train this part only (default: one after another)")
    run.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    run.set_defaults(run=run_training)
    evaluate.add(commands)
    pictures.add(commands)
    return top


def run_training(options: argparse.Namespace) -> None:
    """Train every part, or the one asked for, resuming where the folder holds a checkpoint."""
    recipe = open_recipe(options.recipe, options.change)
    folder = options.output or Path("runs") / recipe.name
    for name in [options.part] if options.part else parts_of(recipe):
        trainer = Trainer(PARTS[name](recipe, folder), options.device)
        if rank() == 0:
            save_recipe(folder, recipe)
        trainer.run()
        done = trainer.progress
        if rank() == 0:
            print(
                f"{folder / name}: {done['step']} steps, best mean score {done['best']:.4f}, "
                f"{trainer.waiting:.1%} of the time spent waiting for data"
            )


if __name__ == "__main__":
    sys.exit(main())
