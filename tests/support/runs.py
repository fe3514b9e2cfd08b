"""Runs of the trainer: written without training, held to each other, and made by two processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint, save_recipe


def write_run(folder: Path, recipe: AnyRecipe, **parts: nn.Module) -> Path:
    """Write the folder of a run whose parts, by name, ended with the weights that they have."""
    save_recipe(folder, recipe)
    for name, module in parts.items():
        tensors = {f"average.{key}": value for key, value in module.state_dict().items()}
        save_checkpoint(folder / name / "best.safetensors", Checkpoint(recipe, tensors, {"step": 1}))
    return folder


def assert_same_weights(first: Path, second: Path) -> None:
    """Raises unless two parts of runs were saved with the same tensors, bit by bit."""
    ours, theirs = (load_checkpoint(part / "last.safetensors").tensors for part in (first, second))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def in_two_processes(*arguments: str) -> str:
    """The lines that two processes of Python print, which train together."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--no-python", sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
