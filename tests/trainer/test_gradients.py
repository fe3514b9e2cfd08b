"""Gradients of all convolutions that are trained: right under every instruction set, in processes that may crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.model import fresh_model
from musicfeat_trainer.features import shape_of
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.files import known_recipes, open_recipe
from musicfeat_trainer.recipe.method import MethodRecipe
from support.paths import ROOT

CHECK = ROOT / "tests" / "support" / "convolution_gradients.py"
BATCH = 3
SETS = [
    ("AVX2", "default"),
    *(
        pytest.param(*both, marks=pytest.mark.slow)
        for both in (("SSE41", "default"), ("AVX2", "avx2"), ("AVX512_CORE", "default"), ("AVX512_CORE", "avx2"))
    ),
]
METHODS = sorted({name.partition("/")[0] for name, _ in known_recipes() if isinstance(open_recipe(name), MethodRecipe)})

Layers = dict[str, dict[str, Any]]


def described(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> dict[str, Any]:
    """Settings of a convolution and its input, for JSON."""
    return {
        "kind": type(layer).__name__,
        "arguments": [layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding],
        "more": {"dilation": layer.dilation, "groups": layer.groups, "bias": layer.bias is not None},
        "shape": list(x.shape),
        "strides": list(x.stride()),
    }


@contextmanager
def recorded(module: nn.Module) -> Iterator[Layers]:
    """Each convolution that a module uses meanwhile, and the tensor that it reads, by both together."""
    layers: Layers = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(layer, nn.Conv1d | nn.Conv2d)
        found = described(layer, inputs[0])
        layers[json.dumps(found)] = found

    used = [part for part in module.modules() if isinstance(part, nn.Conv1d | nn.Conv2d)]
    hooks = [part.register_forward_hook(note) for part in used]
    with torch.no_grad():
        yield layers
    for hook in hooks:
        hook.remove()


def layers_of(recipe: Recipe) -> list[dict[str, Any]]:
    """The convolutions of all parts of a model, as training calls them."""
    model = fresh_model(recipe)
    with recorded(model) as layers:
        model(torch.zeros(BATCH, recipe.window))
        pieces = recipe.joins.pieces * model.joins.piece_frames
        model.joins.net(torch.zeros(BATCH, pieces, recipe.joins.frontend.n_mels))
    assert len(layers) > 10
    return list(layers.values())


def encoders_of(recipe: MethodRecipe) -> Iterator[tuple[nn.Module, Tensor]]:
    """Each encoder of a method, and silence that it can read."""
    for branch in [recipe.method, recipe.method.second]:
        if branch:
            silence = branch.frontend.build().silence(recipe.method.clips.seconds)
            silence = recipe.method.pieces.arranged(silence) if recipe.method.pieces else silence
            yield branch.encoder.build(shape_of(silence)), silence


def assert_right(layers: list[dict[str, Any]], sets: tuple[str, str], folder: Path) -> None:
    """Each layer's output and gradients equal those in double precision to 1e-4, under forced instruction sets."""
    (folder / "layers.json").write_text(json.dumps(layers))
    command = [sys.executable, str(CHECK), str(folder / "layers.json")]
    forced = os.environ | dict(zip(("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"), sets, strict=True))
    done = subprocess.run(command, env=forced, capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended with {done.returncode} after {rows[-1:]}: {done.stderr[-500:]}"
    assert len(rows) == len(layers)
    assert [row for row in rows if not row["error"] < 1e-4] == []


@pytest.mark.parametrize(("onednn", "aten"), SETS)
def test_gradients_of_the_bundled_and_of_a_tiny_recipe(onednn: str, aten: str, small_run: Path, tmp_path: Path) -> None:
    layers = []
    for name in ("music_small", str(small_run / "recipe.toml")):
        recipe = open_recipe(name)
        assert isinstance(recipe, Recipe)
        layers += layers_of(recipe)
    assert_right(layers, (onednn, aten), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", METHODS)
def test_encoders_hand_contiguous_tensors_on(family: str, tmp_path: Path) -> None:
    """Weights in contiguous format decide only if no layer reads a tensor whose channels are last.

    A ``TimeLastConv`` reads either and puts channels last by itself.
    """
    names = [name for name, _ in known_recipes() if name.partition("/")[0] == family]
    layers: Layers = {}
    recipe = open_recipe(names[0])
    assert isinstance(recipe, MethodRecipe)
    for encoder, silence in encoders_of(recipe):
        with recorded(encoder.eval()) as found:
            encoder(silence.expand(2, *silence.shape[1:]).contiguous())
        layers |= found
    assert layers
    for layer in layers.values():
        x = torch.empty_strided(layer["shape"], layer["strides"], device="meta")
        assert x.is_contiguous() or layer["kind"] == "TimeLastConv", layer
    assert_right(list(layers.values()), ("AVX2", "default"), tmp_path)
