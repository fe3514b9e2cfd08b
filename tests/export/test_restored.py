"""A run restored from a model file is the run that the file was exported from, as far as the file holds it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from musicfeat.errors import ModelError
from musicfeat.model.session import find_model
from musicfeat_export.cli import main
from musicfeat_export.onnx_file import export
from musicfeat_export.restored import restore
from musicfeat_export.stored import to_stored
from musicfeat_trainer.bundled.model import PARTS, load_model
from musicfeat_trainer.bundled.taught_tags import TaughtTags
from musicfeat_trainer.objectives.distillation import Distillation
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.files import open_recipe
from musicfeat_trainer.training.checkpoint import load_checkpoint, load_recipe_of, save_checkpoint
from musicfeat_trainer.training.loop import Trainer


@pytest.fixture(scope="module")
def varied_run(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run as training would leave it: no two weights alike, batch normalisation with statistics."""
    folder, generator = tmp_path_factory.mktemp("varied") / "run", torch.Generator().manual_seed(1)
    shutil.copytree(run, folder)
    for path in folder.glob("*/best.safetensors"):
        found = load_checkpoint(path)
        for name, tensor in found.tensors.items():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator)
                tensor.add_(0.5 * noise if name.endswith("running_var") else 0.1 * noise - 0.05)
        save_checkpoint(path, found)
    return folder


@pytest.fixture(scope="module")
def file(varied_run: Path) -> Path:
    path = varied_run.with_name("varied.onnx")
    export(varied_run, path)
    return path


def test_its_export_is_the_file(file: Path, tmp_path: Path) -> None:
    worst = restore(file, tmp_path / "run")
    assert set(worst) == {"embedding", "frames", "reversal", "successor", "jigsaw", "tags", "cut", "backwards"}
    assert max(worst.values()) < 1e-4
    export(tmp_path / "run", tmp_path / "again.onnx")
    first, second = (numbers(onnx.load(path)) for path in (file, tmp_path / "again.onnx"))
    assert list(first) == list(second)
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def numbers(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}


def test_weights_behind_no_normalisation_are_those_of_the_run(varied_run: Path, file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "run")
    before, after = (load_model(folder)[0].state_dict() for folder in (varied_run, tmp_path / "run"))
    for name in ("trunk.projector.linear.weight", "trunk.discriminant.linear.bias", "cuts.cut_weights"):
        assert torch.allclose(before[name], after[name], rtol=1e-6), name


def test_parts_know_what_they_were_trained_on(file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "run")
    for part, dependent in (("trunk", "tags"), ("joins", "cuts")):
        path = tmp_path / "run" / part / "best.safetensors"
        before, changed = path.read_bytes(), load_checkpoint(path)
        next(iter(changed.tensors.values())).add_(1)
        save_checkpoint(path, changed)
        with pytest.raises(ModelError, match=f"'{dependent}' was trained on another '{part}'"):
            load_model(tmp_path / "run")
        path.write_bytes(before)


def test_parts_are_finished_until_one_is_removed(file: Path, tmp_path: Path) -> None:
    restore(file, tmp_path / "run")
    recipe = load_recipe_of(tmp_path / "run")
    assert isinstance(recipe, Recipe)
    trainers = {name: Trainer(part(recipe, tmp_path / "run")) for name, part in PARTS.items()}
    assert [trainer.run() for trainer in trainers.values()] == [None] * 4
    shutil.rmtree(tmp_path / "run" / "cuts")
    assert not Trainer(PARTS["cuts"](recipe, tmp_path / "run")).finished


@pytest.mark.parametrize("kind", ["exists", "stored16", "method"])
def test_what_cannot_be_restored_is_told(
    kind: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, path = tmp_path / "run", tmp_path / "model.onnx"
    proto = onnx.load(file)
    if kind == "exists":
        target.mkdir()
    if kind == "stored16":
        proto = to_stored(proto)
    if kind == "method":
        entry = next(entry for entry in proto.metadata_props if entry.key == "recipe")
        entry.value = json.dumps(open_recipe("clmr/magnatagatune", []).model_dump_json())
    onnx.save(proto, path)
    words = {"exists": "name a new folder", "stored16": "in fp32", "method": "one method's network"}[kind]
    assert main(["restore", str(path), "-o", str(target)]) == 1
    assert words in capsys.readouterr().err
    assert not target.exists() or not list(target.iterdir())
    assert not list(tmp_path.glob(".run*"))


def test_tags_of_teachers_come_back() -> None:
    torch.manual_seed(0)
    distillation, answers = Distillation(12, [(5, 3)], width=8), [(0, 2), (4,)]
    distillation.deviation.uniform_(0.5, 2)
    tags, embedding = TaughtTags(distillation, answers), torch.randn(4, 20)
    fresh = Distillation(12, [(5, 3)], width=8)
    tags.write_back(fresh)
    assert torch.allclose(TaughtTags(fresh, answers)(embedding), tags(embedding), atol=1e-6)


@pytest.mark.slow
def test_the_bundled_model_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, music_folder: Path) -> None:
    if not (music_folder.parent / "teachers").is_dir():
        pytest.skip("no teachers beside the music of $MUSICFEAT_DATA")
    monkeypatch.setenv("MUSICFEAT_DATA", str(music_folder.parent))
    worst = restore(Path(find_model(None)), tmp_path / "run")
    assert np.max(list(worst.values())) < 1e-4
