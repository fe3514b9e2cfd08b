"""A run from a model file: the way back, so that a part can be trained anew on the others without their training.

The place of each weight in a graph is learned by example: a fresh model whose weights all differ is exported, and every
weight is looked for in its graph by value. Batch normalisation is folded into the layer before it by an export; here it
comes back as an offset alone.
"""

from __future__ import annotations

import json
import os
import tempfile
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch.nn.modules.batchnorm import _BatchNorm

from musicfeat.errors import ModelError
from musicfeat.model.session import Session
from musicfeat_export.onnx_file import outputs_of, to_onnx
from musicfeat_export.parity import check_parity
from musicfeat_trainer.bundled.model import PARTS, MusicModel, fresh_model, load_model, parts_of, with_taught_tags
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.parse import parse_recipe
from musicfeat_trainer.training.checkpoint import Checkpoint, digest, save_checkpoint, save_recipe

Array = npt.NDArray[np.float32]
Weights = dict[str, Array]
SINGLE = 8
"""Tensors below this size may lie in the graph number by number."""
ROUNDING = 2e-6
"""Relative difference of a number from its like in the graph, since exports multiply by roots of 1."""


def restore(path: Path, run: Path) -> dict[str, float]:
    """Write a run whose export equals a model file.

    Layers that only training reads, such as those that predict teachers' answers, are not in a model file and get fresh
    weights: the trunk itself cannot be trained further, while tags, joins and cuts can be trained on it.

    Args:
        path: file in fp32 that ``export`` wrote, of a whole model.
        run: the folder to write, which must not exist.

    Returns:
        The greatest difference of each output between the restored model in torch and the file.

    Raises:
        ModelError: the folder exists, the file is of one method, in another precision, or by another version of the
            exporter, or the restored model differs from it; nothing is written.
    """
    if run.exists():
        raise ModelError(f"{run} exists: name a new folder, so that no training is lost")
    recipe = _recipe_of(path)
    model = _filled(recipe, _weights(onnx.load(path)), path)
    run.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.parent, prefix=f".{run.name}") as folder:
        written = Path(folder) / run.name
        _write(model, recipe, written)
        worst = check_parity(load_model(written)[0], path)
        os.rename(written, run)
    return worst


def _recipe_of(path: Path) -> Recipe:
    recipe = parse_recipe(json.loads(Session(path, threads=1).card.recipe), str(path))
    if not isinstance(recipe, Recipe):
        raise ModelError(f"{path} holds one method's network: only models of all outputs can be restored")
    return recipe


def _weights(proto: onnx.ModelProto) -> Weights:
    """The numbers in a graph, by name."""
    floats = (tensor for tensor in proto.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in floats}


def _filled(recipe: Recipe, given: Weights, path: Path) -> MusicModel:
    """A model with the weights of a graph."""
    marked, model = (with_taught_tags(fresh_model(recipe), recipe) for _ in range(2))
    neutral = _mark(marked)
    example = _weights(to_onnx(marked, recipe.window, outputs_of(recipe)))
    if {name: x.shape for name, x in example.items()} != {name: x.shape for name, x in given.items()}:
        raise ModelError(f"{path} holds other weights than a file that this exporter writes in fp32: export it anew")
    state = model.state_dict()
    for name, mark in marked.state_dict().items():
        if name in neutral:
            state[name] = torch.from_numpy(given[name].copy()) if name in given else mark
        elif mark.is_floating_point() and (found := _found(mark.numpy(), example, given)) is not None:
            state[name] = torch.from_numpy(found)
    model.load_state_dict(state)
    if model.taught and model.trunk.distillation:
        model.taught.write_back(model.trunk.distillation)
    return model.eval()


@torch.no_grad()
def _mark(model: MusicModel) -> set[str]:
    """Give each number of a model a value of its own, but for batch normalisation, which then only adds an offset.

    Returns:
        Names of the tensors of batch normalisation that have no value of their own.
    """
    generator, neutral = torch.Generator().manual_seed(0), dict[str, float]()
    for place, norm in model.named_modules():
        if isinstance(norm, _BatchNorm):
            neutral[f"{place}.running_var"] = 1 - norm.eps
            neutral |= {f"{place}.weight": 1.0, f"{place}.running_mean": 0.0} if norm.affine else {}
    for name, tensor in model.state_dict().items():
        if name in neutral:
            tensor.fill_(neutral[name])
        elif tensor.is_floating_point():
            tensor.copy_(0.05 + 0.1 * torch.rand(tensor.shape, generator=generator))
    return set(neutral)


def _found(mark: Array, example: Weights, given: Weights) -> Array | None:
    """Values in a graph of the tensor that is ``mark`` in the example; None where no such tensor is in the graph.

    The mean of a batch normalisation lies there as an offset, with the other sign; small tensors number by number.
    """
    for name in (name for name, x in example.items() if x.size == mark.size):
        for sign in (1, -1):
            if (axes := _axes(sign * mark, example[name])) is not None:
                turned = given[name].reshape([mark.shape[axis] for axis in axes]).transpose(np.argsort(axes))
                return np.ascontiguousarray(sign * turned)
    numbers = {x.item(): name for name, x in example.items() if x.size == 1}
    values = mark.ravel().tolist()
    if mark.size < SINGLE and all(value in numbers for value in values):
        return np.array([given[numbers[value]].item() for value in values], np.float32).reshape(mark.shape)
    return None


def _axes(mark: Array, other: Array) -> tuple[int, ...] | None:
    """Order of the axes of a tensor in which its numbers are those of another, if there is one."""
    if not np.allclose(np.sort(mark, axis=None), np.sort(other, axis=None), rtol=ROUNDING, atol=0):
        return None
    orders = permutations(range(mark.ndim))
    return next(
        (o for o in orders if np.allclose(mark.transpose(o).ravel(), other.ravel(), rtol=ROUNDING, atol=0)), None
    )


def _write(model: MusicModel, recipe: Recipe, run: Path) -> None:
    """A run whose parts are all finished, so that none is trained before its folder is removed."""
    save_recipe(run, recipe)
    weights = {name: getattr(model, name).state_dict() for name in parts_of(recipe)}
    for name, tensors in weights.items():
        origin = {other: digest(weights[other]) for other in PARTS[name].needs}
        progress = {"step": PARTS[name](recipe, run).optimisation.steps, "best": 0.0, "origin": origin}
        named = {f"{kind}.{key}": value for kind in ("model", "average") for key, value in tensors.items()}
        for file in ("last", "best"):
            save_checkpoint(run / name / f"{file}.safetensors", Checkpoint(recipe, named, progress))
