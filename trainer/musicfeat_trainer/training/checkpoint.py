"""Checkpoints: tensors in safetensors, the rest as JSON in its header; written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from musicfeat.errors import ModelError
from musicfeat.files import replacing
from musicfeat_trainer.recipe.parse import parse_recipe
from musicfeat_trainer.recipe.recipe import AnyRecipe

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A recipe, named tensors (``model.*``, ``average.*``, ``optimizer.*``) and progress."""

    recipe: AnyRecipe
    tensors: Tensors
    progress: dict[str, Any]

    def part(self, name: str) -> Tensors:
        """Tensors whose names begin with ``name.``, without that prefix."""
        return {k.removeprefix(f"{name}."): v for k, v in self.tensors.items() if k.startswith(f"{name}.")}

    def restore(self, name: str, module: nn.Module) -> None:
        """Load the tensors whose names begin with ``name.`` into a module.

        Raises:
            ModelError: the tensors are those of another network.
        """
        try:
            module.load_state_dict(self.part(name))
        except RuntimeError as error:
            kind = type(module).__name__
            raise ModelError(f"the run holds another {kind}, of another version of this trainer: train anew") from error


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically: after a kill the file is the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"recipe": checkpoint.recipe.model_dump_json(), "progress": json.dumps(checkpoint.progress)}
    with replacing(path) as temporary:
        save_file({k: v.detach().contiguous().clone() for k, v in checkpoint.tensors.items()}, temporary, header)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ModelError: the file is missing, damaged, or not written by this trainer.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        recipe = parse_recipe(json.loads(header["recipe"]), str(path))
        return Checkpoint(recipe, tensors, json.loads(header["progress"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is not a checkpoint of this trainer: {error}") from error


def read_progress(path: Path) -> dict[str, Any]:
    """Progress of a checkpoint, with the size of its model as ``numbers``; tensors are not read.

    Raises:
        ModelError: the file is missing, damaged, or not written by this trainer.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = [key for key in file.keys() if key.startswith("model.")]  # noqa: SIM118
            count = sum(math.prod(file.get_slice(key).get_shape()) for key in names)
            return {**json.loads((file.metadata() or {})["progress"]), "numbers": count}
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is not a checkpoint of this trainer: {error}") from error


def save_recipe(run: Path, recipe: AnyRecipe) -> None:
    """Write the recipe of a run into its folder, atomically."""
    run.mkdir(parents=True, exist_ok=True)
    with replacing(run / "recipe.json") as temporary:
        temporary.write_text(recipe.model_dump_json(indent=1) + "\n")


def load_recipe_of(run: Path) -> AnyRecipe:
    """Recipe that ``save_recipe`` wrote.

    Raises:
        ModelError: the folder is not a run.
    """
    try:
        return parse_recipe(json.loads((run / "recipe.json").read_text()), str(run))
    except (OSError, ValueError) as error:
        raise ModelError(f"{run} is not the folder of a run: {error}") from error


def digest(tensors: Tensors) -> str:
    """SHA-256 over names and bytes of tensors, sorted by name."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """State of an optimizer as flat named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{key}": value for index, slots in state.items() for key, value in slots.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Load the state from ``optimizer_tensors`` into an optimizer."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
