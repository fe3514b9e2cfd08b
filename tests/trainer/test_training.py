from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from musicfeat import InputError, ModelError
from musicfeat_trainer.checkpoint import load_checkpoint, load_model
from musicfeat_trainer.cli import RECIPES, main
from musicfeat_trainer.config import load_recipe
from musicfeat_trainer.curves import read_rows


def command(small_run: Path, output: Path) -> list[str]:
    program = [sys.executable, "-m", "musicfeat_trainer.cli", "--threads", "1"]
    return [*program, "run", str(small_run / "recipe.toml"), "-o", str(output)]


@pytest.fixture(scope="module")
def finished(small_run: Path) -> Path:
    """A run from beginning to end."""
    subprocess.run(command(small_run, small_run / "whole"), check=True, capture_output=True)
    return small_run / "whole"


def test_a_run_leaves_weights_a_log_and_a_picture(finished: Path) -> None:
    rows = read_rows(finished / "log.csv")
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert all(0 <= row[name] <= 1 for row in rows for name in ("reversal", "exact_order", "shuffled"))
    assert (finished / "curves.png").read_bytes().startswith(b"\x89PNG")
    model, checkpoint = load_model(finished / "last.safetensors")
    assert checkpoint.progress["step"] == 6
    outputs = model(torch.zeros(1, model.window_samples))
    assert all(torch.isfinite(value).all() for value in outputs)


def test_a_killed_run_resumes_to_the_same_curve(small_run: Path, finished: Path) -> None:
    output = small_run / "killed"
    process = subprocess.Popen(command(small_run, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (output / "last.safetensors").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert load_checkpoint(output / "last.safetensors").progress["step"] < 6, "the run ended before it was killed"
    subprocess.run(command(small_run, output), check=True, capture_output=True)
    assert read_rows(output / "log.csv") == read_rows(finished / "log.csv")
    ours, theirs = (load_checkpoint(folder / "last.safetensors").tensors for folder in (output, finished))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_folder_of_another_run_is_not_continued(
    small_run: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.toml"
    other.write_text((small_run / "recipe.toml").read_text().replace("groups = 4", "groups = 5"))
    before = (finished / "last.safetensors").read_bytes()
    assert main(["run", str(other), "-o", str(finished)]) == 1
    assert "other training" in capsys.readouterr().err
    assert (finished / "last.safetensors").read_bytes() == before


def test_evaluate_prints_chance_beside_every_figure(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(finished / "best.safetensors")]) == 0
    table = capsys.readouterr().out
    assert "| reversal |" in table
    assert table.count("50.0 %") >= 2
    assert "16.7 %" in table


def test_recipes_of_the_package_are_valid(capsys: pytest.CaptureFixture[str]) -> None:
    for path in RECIPES.glob("*.toml"):
        assert load_recipe(path).training.steps > 0
    assert main(["list"]) == 0
    assert "sequence_small" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps = 6", "stepz = 6", "stepz"),
        ("steps = 6", "steps = 0", "steps"),
        ("cut = 2", "cut = 'x'", "cut"),
        ('name = "tiny"', "name = ", "cannot read"),
        ("[training]", "[treining]", "treining"),
    ],
)
def test_wrong_recipes_are_explained(small_run: Path, tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text((small_run / "recipe.toml").read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        load_recipe(path)


def test_wrong_commands_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "no-such-recipe"]) == 1
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    assert main(["evaluate", str(tmp_path / "bad.safetensors")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_damaged_checkpoints_are_model_errors(finished: Path, tmp_path: Path) -> None:
    whole = (finished / "best.safetensors").read_bytes()
    for name, content in {"short": whole[: len(whole) // 2], "empty": b"", "missing": None}.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match="not a checkpoint"):
            load_checkpoint(tmp_path / name)
