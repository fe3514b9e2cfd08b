"""Linear discriminants of tracks, fitted in closed form."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from musicfeat_trainer.bundled.discriminant import Discriminant
from musicfeat_trainer.bundled.trunk import TrunkPart
from musicfeat_trainer.evaluate.metrics import arithmetic_and_geometric, neighbour_ranks
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.files import open_recipe


def drawn(tracks: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Six clips a track of 40 numbers: eight tell tracks apart, the others vary more, and within each."""
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(tracks), 6)
    clips = generator.standard_normal((len(numbers), 40)) * np.geomspace(0.5, 5, 40)
    clips[:, :8] = generator.standard_normal((tracks, 8))[numbers] + 0.2 * generator.standard_normal((len(numbers), 8))
    return clips @ np.linalg.qr(np.random.default_rng(9).standard_normal((40, 40)))[0], numbers


def test_it_tells_tracks_apart_that_it_was_not_fitted_to() -> None:
    torch.manual_seed(0)
    discriminant = Discriminant(40, 8)
    clips, numbers = drawn(30, seed=2)
    heard = torch.from_numpy(clips).float()
    before = arithmetic_and_geometric(neighbour_ranks(discriminant(heard).numpy(), numbers))[1]
    discriminant.fit(*drawn(200, seed=1))
    after = arithmetic_and_geometric(neighbour_ranks(discriminant(heard).numpy(), numbers))[1]
    assert before > 10
    assert after < 2


def test_what_it_says_of_its_clips_has_unit_variance_on_average_and_no_gradient() -> None:
    discriminant = Discriminant(40, 128)
    clips, numbers = drawn(20, seed=3)
    discriminant.fit(clips, numbers)
    found = discriminant(torch.from_numpy(clips).float()).numpy()
    assert found.shape == (120, 40)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-2)
    np.testing.assert_allclose(found.var(0).mean(), 1, atol=1e-2)
    assert found[:, 0].std() > found[:, -1].std()
    assert not any(weight.requires_grad for weight in discriminant.parameters())


def test_a_number_that_never_changes_does_no_harm() -> None:
    clips, numbers = drawn(20, seed=4)
    clips[:, 7] = 5.0
    discriminant = Discriminant(40, 4)
    discriminant.fit(clips, numbers)
    assert torch.isfinite(discriminant(torch.from_numpy(clips).float())).all()


def test_the_trunk_fits_as_many_as_the_recipe_says_to_the_first_folder_of_music(
    small_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_run / "audio" / "a", tmp_path / "more" / "e")
    folders = f'data.audio=["{small_run / "audio"}", "{tmp_path / "more"}"]'
    changes = [folders, f'data.store="{tmp_path / "store"}"', "trunk.discriminants=3"]
    recipe = open_recipe(str(small_run / "recipe.toml"), changes)
    assert isinstance(recipe, Recipe)
    part = TrunkPart(recipe, tmp_path)
    part.module = TrunkPart.build(recipe)
    part.open_training()
    assert {track.source for track in part.music.tracks} == {"a", "b"}
    before = part.module.discriminant.linear.weight.clone()
    part.fit_closed_form(part.module.eval())
    assert before.shape[0] == 3
    assert not torch.equal(part.module.discriminant.linear.weight, before)
