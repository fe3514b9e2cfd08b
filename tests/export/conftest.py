from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxscript", reason="the export extra is not installed")

import torch

from musicfeat_export.cli import main
from musicfeat_trainer.bundled.model import fresh_model
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.parse import parse_recipe
from musicfeat_trainer.runs import parts_of
from support.runs import write_run


def small_recipe(labels: tuple[str, ...]) -> Recipe:
    data = {"audio": "a", "store": "b", "validation_sources": []}
    trunk = {"steps": 1, "stem": [4, 4], "widths": [4, 4, 8], "frames": 8}
    tags = {"steps": 1, "width": 4, "labels": labels} if labels else None
    joins = {"steps": 1, "stem": 4, "width": 4, "cut": 2}
    card = {"licence": "MIT", "training_data": "nothing"}
    cuts = {"steps": 1, "stem": 4, "width": 4, "channels": 8, "dilations": [1, 2]} if labels else None
    parts = {"trunk": trunk, "tags": tags, "joins": joins, "cuts": cuts}
    return parse_recipe({"name": "tiny", "window": 63000, "data": data, "card": card, **parts}, "test")


def untrained_run(folder: Path, labels: tuple[str, ...]) -> Path:
    torch.manual_seed(0)
    recipe = small_recipe(labels)
    model = fresh_model(recipe)
    return write_run(folder, recipe, **{part: getattr(model, part) for part in parts_of(recipe)})


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a tiny model that never trained."""
    return untrained_run(tmp_path_factory.mktemp("export") / "tiny", ("banjo", "cello"))


@pytest.fixture(scope="session")
def unlabelled_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without tags."""
    return untrained_run(tmp_path_factory.mktemp("unlabelled") / "tiny", ())


@pytest.fixture(scope="session")
def exported(run: Path) -> Path:
    """The tiny model's file."""
    scores = run.with_name("scores.json")
    scores.write_text('{"reversal": 0.5}')
    path = run.with_name("tiny.onnx")
    assert main([str(run), "-o", str(path), "--scores", str(scores)]) == 0
    return path


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory, clip: np.ndarray, rate: int) -> Path:
    """A folder of eighteen different clips of synthesised music, one silent file and one that is no audio."""
    import soundfile

    folder = tmp_path_factory.mktemp("music")
    for number in range(18):
        soundfile.write(folder / f"{number:02}.wav", np.roll(clip, number * rate)[: 12 * rate], rate)
    soundfile.write(folder / "silent.wav", np.zeros(12 * rate), rate)
    (folder / "broken.wav").write_text("no sound")
    return folder
