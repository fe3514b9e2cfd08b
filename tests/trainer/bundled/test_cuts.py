from __future__ import annotations

from pathlib import Path

import pytest
import torch

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.cut_curves import Cuts
from musicfeat_trainer.bundled.cuts import CutsPart
from musicfeat_trainer.bundled.joins import JoinsPart
from musicfeat_trainer.bundled.lag_profiles import Keys
from musicfeat_trainer.bundled.model import fresh_model
from musicfeat_trainer.bundled.trunk import trunk_of
from musicfeat_trainer.recipe.bundled import CutsConfig, Recipe
from musicfeat_trainer.recipe.files import open_recipe
from musicfeat_trainer.training.checkpoint import load_checkpoint
from musicfeat_trainer.training.loop import Trainer
from support.runs import assert_same_weights


@pytest.fixture(scope="module")
def recipe(small_run: Path) -> Recipe:
    found = open_recipe(str(small_run / "recipe.toml"))
    assert isinstance(found, Recipe)
    return found


@pytest.fixture(scope="module")
def run(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose joins are finished, though nothing has trained them."""
    folder = tmp_path_factory.mktemp("cuts")
    Trainer(JoinsPart(recipe, folder)).keep_untrained()
    return folder


def multiplications(module: torch.nn.Module, *inputs: torch.Tensor) -> int:
    """Multiplications of the convolutions and products of a module."""
    counted = [0]

    def count(layer: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        counted[0] += output.numel() * layer.weight[0].numel()  # type: ignore[index, operator]

    layers = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Linear)
    hooks = [layer.register_forward_hook(count) for layer in module.modules() if isinstance(layer, layers)]
    with torch.no_grad():
        module.eval()(*inputs)
    for hook in hooks:
        hook.remove()
    return counted[0]


def test_both_curves_cost_a_small_part_of_the_trunk() -> None:
    bundled = open_recipe("music_small")
    assert isinstance(bundled, Recipe)
    cuts, trunk, frames = CutsPart.build(bundled), trunk_of(bundled), bundled.window // bundled.trunk.frontend.step
    spectrogram = torch.zeros(1, frames, 64)
    keys = JoinsPart.build(bundled).keys(torch.zeros(1, frames // 2, 128))
    own = multiplications(cuts.net, spectrogram, cuts.periods(keys))
    assert own < 0.4 * multiplications(trunk.net, spectrogram)
    assert cuts.cut_seconds <= 0.1
    assert cuts.backwards_seconds <= 0.4


def test_curves_cover_the_window_and_know_silence(recipe: Recipe) -> None:
    cuts = CutsPart.build(recipe).eval()
    windows = torch.randn(2, recipe.window)
    windows[1, recipe.window // 2 :] = 0
    spectrogram = cuts.frontend(windows)
    sounds = (spectrogram.amax(dim=2) > 0).float()
    mask = sounds.unflatten(1, (-1, 2)).amax(dim=2)
    joins = JoinsPart.build(recipe).eval()
    keys = torch.randn(2, joins.heads, 16, mask.shape[1])
    cut, backwards = cuts(spectrogram, sounds, Keys(keys, mask), joins.net.profiles)
    assert cut.shape[1] * cuts.cut_seconds * 22050 == pytest.approx(recipe.window)
    assert backwards.shape[1] * cuts.backwards_seconds * 22050 == pytest.approx(recipe.window)
    assert ((cut > 0) & (cut < 1))[0].all()
    assert (cut[1, cut.shape[1] // 2 + 1 :] == 0).all()
    assert (backwards[1, backwards.shape[1] // 2 + 1 :] == 0.5).all()


def test_a_window_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 12"):
        Cuts(CutsConfig(steps=1), 63000 + 525, heads=6)


def test_steps_depend_on_seed_number_and_weights_alone(recipe: Recipe, run: Path) -> None:
    found = []
    for _ in range(2):
        part = CutsPart(recipe, run)
        torch.manual_seed(0)
        part.module = part.build(recipe)
        part.open_training()
        found.append([{name: loss.item() for name, loss in part.losses(number).items()} for number in (2, 3)])
        assert len(part.alarms) == recipe.cuts.mine_windows  # type: ignore[union-attr]
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]


def test_a_stopped_run_goes_on_from_its_last_round_of_windows_to_the_same_weights(
    small_run: Path, tmp_path: Path
) -> None:
    recipe = open_recipe(str(small_run / "recipe.toml"), ["cuts.steps=5", "cuts.evaluate_every=5"])
    assert isinstance(recipe, Recipe)

    class Stopped(CutsPart):
        def losses(self, number: int) -> dict[str, torch.Tensor]:
            if number == 3:
                raise KeyboardInterrupt
            return super().losses(number)

    for name in ("whole", "stopped"):
        Trainer(JoinsPart(recipe, tmp_path / name)).keep_untrained()
    Trainer(CutsPart(recipe, tmp_path / "whole")).run()
    with pytest.raises(KeyboardInterrupt):
        Trainer(Stopped(recipe, tmp_path / "stopped")).run()
    assert load_checkpoint(tmp_path / "stopped" / "cuts" / "last.safetensors").progress["step"] == 2
    Trainer(CutsPart(recipe, tmp_path / "stopped")).run()
    assert_same_weights(tmp_path / "stopped" / "cuts", tmp_path / "whole" / "cuts")


def test_figures_are_shares_and_calibration_is_kept(recipe: Recipe, run: Path) -> None:
    part = CutsPart(recipe, run)
    part.module = part.build(recipe)
    part.open_validation()
    part.fit_closed_form(part.module.eval())
    figures = part.evaluate(part.module)
    assert set(figures) == {"cut_area", "cuts_found", "backwards", "calibration"}
    assert all(0 <= value <= 1 for value in figures.values())
    assert torch.isfinite(part.module.cut_weights).all()


def test_the_model_has_both_curves_only_with_the_section(recipe: Recipe) -> None:
    windows = torch.randn(1, recipe.window)
    with torch.no_grad():
        outputs, without = fresh_model(recipe)(windows), fresh_model(recipe.model_copy(update={"cuts": None}))(windows)
    assert outputs.cut is not None
    assert outputs.backwards is not None
    assert without.cut is without.backwards is None


def test_a_spectrum_of_its_own_is_refused(small_run: Path) -> None:
    with pytest.raises(InputError, match="same as trunk"):
        open_recipe(str(small_run / "recipe.toml"), ["cuts.frontend.n_mels=32"])
