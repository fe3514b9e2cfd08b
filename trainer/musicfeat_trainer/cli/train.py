"""``musicfeat-train run``: train a recipe, or resume its training."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from musicfeat.cli.shared import Commands, command
from musicfeat_trainer.cli.page import page_of
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.recipe.files import open_recipe
from musicfeat_trainer.runs import PARTS, parts_of
from musicfeat_trainer.training.checkpoint import save_recipe
from musicfeat_trainer.training.loop import Trainer


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "run", run, "train a recipe, or go on where it stopped")
    parser.add_argument(
        "recipe", help="TOML file, or a name that `list` shows, such as music_small or jigsaw/resnet18-3s"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder of the run (default: runs/RECIPE)")
    parser.add_argument(
        "--set", dest="change", action="append", default=[], metavar="KEY=VALUE", help="change a setting of the recipe"
    )
    parser.add_argument("--part", choices=sorted(PARTS), help="train this part only (default: all, one after another)")
    parser.add_argument(
        "--untrained", action="store_true", help="take no step: keep the weights as they start, such as ImageNet's"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")


def run(options: argparse.Namespace) -> int:
    """Train every part, or the requested one, resuming from checkpoints in the folder."""
    recipe = open_recipe(options.recipe, options.change)
    folder = options.output or Path("runs") / recipe.name
    for name in [options.part] if options.part else parts_of(recipe):
        trainer = Trainer(PARTS[name](recipe, folder), options.device)
        if rank() == 0:
            save_recipe(folder, recipe)
        if options.untrained:
            trainer.keep_untrained()
            continue
        trainer.run()
        if rank() == 0:
            page_of(folder, recipe)
        done = trainer.progress
        if rank() == 0:
            print(
                f"{folder / name}: {done['step']} steps, best mean score {done['best']:.4f}, "
                f"{trainer.waiting:.1%} of the time spent waiting for data"
            )
    return 0
