"""Which clips are drawn of tracks that are shorter than a clip."""

from __future__ import annotations

import numpy as np
import pytest

from musicfeat import InputError
from musicfeat_trainer.data.clips import ClipSampler, ClipsConfig
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.tracks import Track

RATE = 100


@pytest.fixture
def store() -> Store:
    """A track of 0.3 s, as FSD50K has them, and one of 12 s."""
    values = np.arange(1, 1231, dtype=np.int16)
    return Store(values, [Track("short", "a", 0, 30), Track("long", "b", 30, 1200)], 1 / RATE)


def test_short_tracks_are_padded_where_a_recipe_says_so(store: Store) -> None:
    """The thesis of Berkeley (2022) draws all of FSD50K, whose clips last from 0.3 s on, in clips of 5 s."""
    sampler = ClipSampler([store], store.tracks, ClipsConfig(seconds=5.0, pad=True), [5 * RATE])
    assert sampler.stretches == [("short", 0.0, 0.3), ("long", 0.0, 5.0), ("long", 5.0, 10.0)]
    clips = sampler.draw(3, np.random.default_rng(0))
    (short,) = clips.views[0][clips.instances == 0].numpy() * 32767
    np.testing.assert_allclose(short, np.pad(np.arange(1, 31), (0, 470)), atol=1e-2)


def test_they_are_left_out_otherwise(store: Store) -> None:
    sampler = ClipSampler([store], store.tracks, ClipsConfig(seconds=5.0), [5 * RATE])
    assert {path for path, _, _ in sampler.stretches} == {"long"}
    with pytest.raises(InputError, match="lasts 5 s"):
        ClipSampler([store], store.tracks[:1], ClipsConfig(seconds=5.0), [5 * RATE])
