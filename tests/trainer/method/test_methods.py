"""One method from its recipe to its weights: the loop around every objective."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from musicfeat import InputError, ModelError
from musicfeat_trainer.bundled.model import load_model
from musicfeat_trainer.cli import main
from musicfeat_trainer.data.clips import Clips
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import MethodPart, load_method
from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.recipe.files import open_recipe
from musicfeat_trainer.training.checkpoint import load_checkpoint
from musicfeat_trainer.training.curves import read_rows
from musicfeat_trainer.training.loop import Trainer, optimizer_of
from support.runs import assert_same_weights, in_two_processes

RECIPE = """
# A method of a few seconds.
name = "tiny-method"
[data]
store = "{folder}/method-store"
[data.set]
name = "folder"
root = "{folder}/audio"
validation_sources = ["c"]
test_sources = ["d"]
[method]
steps = 6
batch = 4
evaluate_every = 2
checkpoint_seconds = 0.001
warmup = 2
bfloat16 = false
clips = {{seconds = 1.0}}
frontend = {{name = "log_mel"}}
encoder = {{name = "resnet"}}
objective = {{name = "time_reversal"}}
waveform_augment = [{{name = "polarity", probability = 0.5}}]
[rows.sgd]
about = "by plain gradients"
method = {{optimizer = "sgd", schedule = "plateau"}}
"""


@pytest.fixture(scope="module")
def recipe(small_run: Path) -> str:
    path = small_run / "method.toml"
    path.write_text(RECIPE.format(folder=small_run))
    return f"{path}/sgd"


@pytest.fixture(scope="module")
def finished(small_run: Path, recipe: str) -> Path:
    output = small_run / "method-whole"
    assert main(["--threads", "1", "run", recipe, "-o", str(output)]) == 0
    return output


def test_a_run_leaves_what_can_be_loaded_again(finished: Path) -> None:
    assert [row["step"] for row in read_rows(finished / "method" / "log.csv")] == [2, 4, 6]
    method, recipe = load_method(finished)
    assert recipe.name == "tiny-method-sgd"
    assert recipe.about == "by plain gradients"
    assert method.embed(torch.zeros(2, 22050)).shape == (2, 512)
    best = load_checkpoint(finished / "method" / "best.safetensors").part("average")
    assert all(torch.equal(value, best[name]) for name, value in method.state_dict().items())
    with pytest.raises(ModelError, match="of one method"):
        load_model(finished)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_curve(
    small_run: Path, recipe: str, finished: Path, killed_when: Callable[[list[str], Path], None]
) -> None:
    output = small_run / "method-killed"
    last = output / "method" / "last.safetensors"
    command = [sys.executable, "-m", "musicfeat_trainer.cli", "--threads", "1", "run", recipe, "-o", str(output)]
    killed_when(command, last)
    assert load_checkpoint(last).progress["step"] < 6, "the run ended before it was killed"
    assert main(["--threads", "1", "run", recipe, "-o", str(output)]) == 0
    assert read_rows(output / "method" / "log.csv") == read_rows(finished / "method" / "log.csv")
    assert_same_weights(output / "method", finished / "method")


def test_rows_and_changes_are_made_in_turn(recipe: str) -> None:
    found = open_recipe(recipe, ["method.batch=2", "method.clips.seconds=3.5", "data.store=elsewhere"])
    assert (found.method.batch, found.method.clips.seconds, str(found.data.store)) == (2, 3.5, "elsewhere")
    assert (found.method.optimizer, found.method.steps) == ("sgd", 6)
    other = open_recipe(recipe, ['method.encoder={name="resnet", depth=50}', "method.encoder.depth=18"])
    assert other.method.encoder.depth == 18


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("{file}", None, "choose method/ROW of sgd"),
        ("{file}/adam", None, "no row 'adam', only sgd"),
        ("nowhere/sgd", None, "no recipe 'nowhere/sgd'"),
        ("{file}/sgd", "method.batchez=3", "batchez"),
        ("{file}/sgd", "method.batch=none", "batch"),
        ("{file}/sgd", "batch", "KEY=VALUE"),
        ("{file}/sgd", 'method.encoder={name="resnot"}', "resnot"),
        ("{file}/sgd", 'data.set.validation_sources=["x"]', "no track of source"),
        ("{file}/sgd", "method.clips.seconds=1000", "lasts 1000 s"),
        ("{file}/sgd", 'method.frontend={name="waveform"}', "resnet reads pictures"),
        ("{file}/sgd", 'method.encoder={name="sample_cnn"}', "reads raw samples"),
        ("{file}/sgd", "method.clips.seconds=1.01", "whole hops"),
        ("{file}/sgd", 'method.frontend={name="cqt"}', "whole hops"),
        ("{file}/sgd", 'method.waveform_augment=[{name="delay", sample_rate=16000}]', "expects 16000 samples"),
        ("{file}/sgd", 'method.second={frontend={name="log_mel"}, encoder={name="resnet"}}', "has one encoder"),
    ],
)
def test_what_cannot_be_trained_is_explained_first(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, change: str | None, words: str
) -> None:
    called = name.format(file=recipe.removesuffix("/sgd"))
    assert main(["run", called, "-o", str(tmp_path / "run"), *(["--set", change] if change else [])]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run" / "method").exists()


def test_batches_do_not_depend_on_what_was_drawn_before(small_run: Path, recipe: str) -> None:
    part = MethodPart(open_recipe(recipe), small_run / "never")
    part.module = part.build(part.recipe)
    part.open_training()
    assert part.batches
    drawn = [part.batches(number).views[0] for number in (3, 4, 5, 3)]
    torch.testing.assert_close(drawn[0], drawn[3], rtol=0, atol=0)
    assert not torch.equal(drawn[0], drawn[1])


def test_the_rate_is_lowered_when_validation_stalls(small_run: Path, recipe: str) -> None:
    changes = ["method.plateau_patience=2", "method.warmup=0", "method.learning_rate=1.0"]
    trainer = Trainer(MethodPart(open_recipe(recipe, changes), small_run / "method-plateau"))
    scores = iter([0.9, 0.8, 0.7, 0.6, 0.5, 0.95])
    trainer.part.evaluate = lambda _: {"reversal": next(scores)}
    rates = []
    for number in range(6):
        trainer.progress["step"] = number
        trainer._evaluate({"x": 0.0})
        rates.append(trainer._learning_rate(number))
    np.testing.assert_allclose(rates, [1.0, 1.0, 0.1, 0.1, 0.01, 0.01])


def test_optimizers_are_those_named() -> None:
    layer = torch.nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    for name, kind in (("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)):
        optimizer = optimizer_of(layer, Optimisation(steps=1, optimizer=name))
        assert type(optimizer) is kind
        assert optimizer.param_groups[0]["params"] == [layer.weight]


@pytest.mark.slow
def test_two_processes_train_as_one(small_run: Path, recipe: str, finished: Path) -> None:
    """The first of them evaluates and writes, once; other clips than a process alone would draw."""
    output = small_run / "method-two"
    command = ["-m", "musicfeat_trainer.cli", "--threads", "1", "run", recipe, "-o", str(output), "--device", "cpu"]
    assert in_two_processes(*command).count("6 steps") == 1
    assert [row["step"] for row in read_rows(output / "method" / "log.csv")] == [2, 4, 6]
    assert read_rows(output / "method" / "log.csv") != read_rows(finished / "method" / "log.csv")


@pytest.mark.slow
def test_gradients_are_averaged_over_processes() -> None:
    in_two_processes(
        "-c",
        "import torch\n"
        "from musicfeat_trainer.distributed import average_gradients, from_first, rank, share_weights, start, stop\n"
        "start()\n"
        "torch.manual_seed(rank())\n"
        "layer = torch.nn.Linear(3, 2)\n"
        "share_weights(layer)\n"
        "rows = torch.arange(12.0).reshape(4, 3)\n"
        "layer(rows[2 * rank() : 2 * rank() + 2]).square().mean().backward()\n"
        "average_gradients(layer)\n"
        "whole = torch.nn.Linear(3, 2)\n"
        "whole.load_state_dict(layer.state_dict())\n"
        "whole(rows).square().mean().backward()\n"
        "torch.testing.assert_close(layer.weight.grad, whole.weight.grad)\n"
        "torch.testing.assert_close(layer.bias.grad, whole.bias.grad)\n"
        "assert from_first(rank()) == 0\n"
        "stop()\n",
    )


def test_loading_something_else_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the folder of a run"):
        load_method(tmp_path)
    with pytest.raises(InputError, match="no recipe"):
        open_recipe("")


def test_margins_are_heard_and_not_seen(recipe: str) -> None:
    """The features of a clip with a margin are the middle of those of the longer clip."""
    margin = 21 * 525 / 22050
    method = Method(open_recipe(recipe, [f"method.clips.margin={margin}"]).method)
    clip = torch.randn(2, 22050 + 2 * 21 * 525, generator=torch.Generator().manual_seed(0))
    seen = method.views(Clips((clip,), torch.zeros(2)), None).features[0]
    assert seen.shape == (2, 1, 42, 64)
    torch.testing.assert_close(seen, method.frontend(0)(clip)[:, :, 21:-21])


def test_margins_are_read_around_the_clip(small_run: Path, recipe: str) -> None:
    part = MethodPart(open_recipe(recipe, ["method.clips.margin=0.5"]), small_run / "never")
    part.module = part.build(part.recipe)
    part.open_training()
    assert part._clips(0).views[0].shape == (4, 2 * 22050)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler (Debian: g++)")
def test_encoders_can_be_compiled(small_run: Path, recipe: str) -> None:
    """A compiled step has the loss of a plain one."""
    few = 'method.encoder={name="strided_conv", layers=[[10, 5], [8, 4]], width=8}'
    losses = []
    for compiled in (False, True):
        part = MethodPart(open_recipe(recipe, [few, 'method.frontend={name="waveform"}']), small_run / "never")
        torch.manual_seed(0)
        part.module = part.build(part.recipe)
        part.open_training()
        if compiled:
            part.compile()
        losses.append(part.losses(0)["reversal"].detach())
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-3, atol=1e-4)


def test_the_first_view_alone_is_augmented_where_a_recipe_says_so(recipe: str) -> None:
    """CLMR's experiment 2."""
    changes = ['method.objective={name="simclr"}', 'method.waveform_augment=[{name="polarity"}]']
    changes += ['method.frontend={name="waveform"}', 'method.encoder={name="strided_conv", width=4}']
    clip = torch.rand(3, 22050)
    for views, expected in (("first", (-1, 1)), ("all", (-1, -1))):
        every = ["method.waveform_augment=[{name='polarity', probability=1.0}]", f"method.augmented_views={views}"]
        method = Method(open_recipe(recipe, changes + every).method)
        seen = method.views(Clips((clip, clip), torch.zeros(3)), torch.Generator()).features
        for found, sign in zip(seen, expected, strict=True):
            assert torch.equal(found, sign * clip)


def test_agreement_alone_picks_the_best_weights_of_simsiam(recipe: str, tmp_path: Path) -> None:
    """Spread detects a collapse and says no more."""
    part = MethodPart(open_recipe(recipe, ['method.objective={name="simsiam", width=8, bottleneck=4}']), tmp_path)
    trainer = Trainer(part)
    scores = iter([{"agreement": 0.4, "spread": 0.1}, {"agreement": 0.3, "spread": 0.9}])
    part.evaluate = lambda _: next(scores)  # type: ignore[method-assign]
    for expected in (0.4, 0.4):
        trainer._evaluate({"similarity": 0.5})
        assert trainer.progress["best"] == expected


def test_the_length_of_gradients_is_bounded_where_a_recipe_says_so(recipe: str, tmp_path: Path) -> None:
    part = MethodPart(open_recipe(recipe, ["method.clip_norm=0.001", "method.batch=4", "method.warmup=0"]), tmp_path)
    trainer = Trainer(part)
    part.open_training()
    trainer.step(0)
    length = torch.stack([p.grad.norm() for p in trainer.module.parameters() if p.grad is not None]).norm()
    assert float(length) == pytest.approx(0.001, rel=1e-3)


def test_a_network_is_kept_as_it_starts(recipe: str, tmp_path: Path) -> None:
    assert main(["--threads", "1", "run", recipe, "--untrained", "-o", str(tmp_path)]) == 0
    checkpoint = load_checkpoint(tmp_path / "method" / "best.safetensors")
    method, found = load_method(tmp_path)
    assert checkpoint.progress["step"] == 0
    torch.manual_seed(found.method.seed)
    assert torch.equal(method.objective.encoder.conv1.weight, Method(found.method).objective.encoder.conv1.weight)
