from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from musicfeat import InputError, ModelError
from musicfeat_trainer.bundled.model import load_model
from musicfeat_trainer.bundled.trunk import TrunkPart
from musicfeat_trainer.cli import main
from musicfeat_trainer.recipe.files import known_recipes, open_recipe
from musicfeat_trainer.runs import PARTS, parts_of
from musicfeat_trainer.training.checkpoint import load_checkpoint, save_checkpoint
from musicfeat_trainer.training.curves import read_rows
from musicfeat_trainer.training.loop import Trainer
from support.runs import assert_same_weights


def command(small_run: Path, output: Path, *more: str) -> list[str]:
    program = [sys.executable, "-m", "musicfeat_trainer.cli", "--threads", "1"]
    return [*program, "run", str(small_run / "recipe.toml"), "-o", str(output), *more]


@pytest.fixture(scope="module")
def finished(small_run: Path) -> Path:
    """A run from beginning to end."""
    subprocess.run(command(small_run, small_run / "whole"), check=True, capture_output=True)
    return small_run / "whole"


@pytest.mark.parametrize(("part", "steps"), [("trunk", [2, 4, 6]), ("tags", [2, 4]), ("joins", [2, 4])])
def test_a_run_leaves_weights_a_log_and_a_picture(finished: Path, part: str, steps: list[int]) -> None:
    rows = read_rows(finished / part / "log.csv")
    assert [row["step"] for row in rows] == steps
    figures = set(rows[0]) & set(PARTS[part].guesses)
    assert figures or part == "tags"  # nothing rendered to judge tags by
    assert all(0 <= row[name] <= 1 for row in rows for name in figures)
    assert (finished / part / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert load_checkpoint(finished / part / "last.safetensors").progress["step"] == steps[-1]


def test_a_finished_run_makes_a_model(finished: Path) -> None:
    model, recipe = load_model(finished)
    outputs = model(torch.zeros(1, recipe.window))
    assert all(torch.isfinite(value).all() for value in outputs)
    assert outputs.tags.shape == (1, 2)


@pytest.mark.slow
def test_parts_trained_alone_are_the_same(small_run: Path, finished: Path) -> None:
    output = small_run / "alone"
    subprocess.run(command(small_run, output, "--part", "joins"), check=True, capture_output=True)
    assert sorted(path.name for path in output.iterdir()) == ["joins", "page.html", "recipe.json"]
    assert_same_weights(output / "joins", finished / "joins")
    with pytest.raises(ModelError, match="trunk"):
        load_model(output)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_curve(
    small_run: Path, finished: Path, killed_when: Callable[[list[str], Path], None]
) -> None:
    output = small_run / "killed"
    last = output / "trunk" / "last.safetensors"
    killed_when(command(small_run, output), last)
    assert load_checkpoint(last).progress["step"] < 6, "the run ended before it was killed"
    subprocess.run(command(small_run, output), check=True, capture_output=True)
    for part in ("trunk", "tags", "joins"):
        assert read_rows(output / part / "log.csv") == read_rows(finished / part / "log.csv")
        assert_same_weights(output / part, finished / part)


def test_a_run_stopped_between_two_evaluations_gives_the_same_curve(small_run: Path, finished: Path) -> None:
    recipe = open_recipe(str(small_run / "recipe.toml"))

    class Stopped(TrunkPart):
        def losses(self, number: int) -> dict[str, torch.Tensor]:
            if number == 3:
                raise KeyboardInterrupt
            return super().losses(number)

    with pytest.raises(KeyboardInterrupt):
        Trainer(Stopped(recipe, small_run / "stopped")).run()
    last = load_checkpoint(small_run / "stopped" / "trunk" / "last.safetensors").progress
    assert last["step"] == 3
    assert all(len(losses) == 1 for losses in last["losses"].values())
    Trainer(TrunkPart(recipe, small_run / "stopped")).run()
    rows, expected = (read_rows(run / "trunk" / "log.csv") for run in (small_run / "stopped", finished))
    for row, other in zip(rows, expected, strict=True):
        assert row == pytest.approx(other, rel=1e-3)


def test_a_folder_of_another_run_is_not_continued(
    small_run: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.toml"
    other.write_text((small_run / "recipe.toml").read_text().replace("pairs = 4", "pairs = 5"))
    before = (finished / "trunk" / "last.safetensors").read_bytes()
    assert main(["run", str(other), "-o", str(finished)]) == 1
    assert "other trunk" in capsys.readouterr().err
    assert (finished / "trunk" / "last.safetensors").read_bytes() == before


def test_evaluate_prints_chance_beside_every_figure(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(finished)]) == 0
    table = capsys.readouterr().out
    assert "| trunk | reversal |" in table
    assert table.count("50.0 %") >= 2
    assert "16.7 %" in table


def test_recipes_of_the_package_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    for name, _ in known_recipes():
        recipe = open_recipe(name)
        assert all(getattr(recipe, part).steps > 0 for part in parts_of(recipe))
    assert main(["list"]) == 0
    assert "music_small" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps = 6", "stepz = 6", "stepz"),
        ("steps = 6", "steps = 0", "steps"),
        ("cut = 2", "cut = 'x'", "cut"),
        ('name = "tiny"', "name = ", "cannot read"),
        ("[trunk]", "[trunc]", "trunc"),
        ('"banjo", "cello"', '"kazoo"', "kazoo"),
    ],
)
def test_wrong_recipes_are_explained(small_run: Path, tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text((small_run / "recipe.toml").read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        open_recipe(str(path))


def test_wrong_commands_are_one_line(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no-such-recipe"]) == 1
    assert main(["evaluate", str(tmp_path)]) == 1
    shutil.copy(finished / "recipe.json", tmp_path)
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "best.safetensors").write_bytes(b"nonsense")
    assert main(["evaluate", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_damaged_checkpoints_are_model_errors(finished: Path, tmp_path: Path) -> None:
    whole = (finished / "joins" / "best.safetensors").read_bytes()
    for name, content in {"short": whole[: len(whole) // 2], "empty": b"", "missing": None}.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="not a checkpoint"):
            load_checkpoint(tmp_path / name)


def test_parts_of_different_recipes_make_no_model(small_run: Path, finished: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "other.toml"
    recipe.write_text((small_run / "recipe.toml").read_text().replace("widths = [4, 4, 8]", "widths = [4, 4, 12]"))
    assert main(["--threads", "1", "run", str(recipe), "-o", str(tmp_path / "mixed"), "--part", "trunk"]) == 0
    for part in ("joins", "tags", "cuts"):
        (tmp_path / "mixed" / part).symlink_to(finished / part)
    with pytest.raises(ModelError, match="another recipe"):
        load_model(tmp_path / "mixed")


def test_a_run_of_another_network_is_explained(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    checkpoint = load_checkpoint(run / "tags" / "best.safetensors")
    names = {name: name.replace("head.layers.", "head.") for name in checkpoint.tensors}
    renamed = replace(checkpoint, tensors={names[name]: tensor for name, tensor in checkpoint.tensors.items()})
    save_checkpoint(run / "tags" / "best.safetensors", renamed)
    with pytest.raises(ModelError, match="another TagNet"):
        load_model(run)


def test_tags_belong_to_the_trunk_that_they_were_trained_on(small_run: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    checkpoint = load_checkpoint(run / "trunk" / "best.safetensors")
    checkpoint.tensors["average.net.stem.0.weight"] += 1
    save_checkpoint(run / "trunk" / "best.safetensors", checkpoint)
    with pytest.raises(ModelError, match="trained on another 'trunk'"):
        load_model(run)
    assert main(["run", str(small_run / "recipe.toml"), "-o", str(tmp_path / "new"), "--part", "tags"]) == 1
