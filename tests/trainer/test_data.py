from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat.audio import load
from musicfeat.log_mel import LogMelSpec, mel_power
from musicfeat_trainer.augment.spectrogram import SpectrogramAugment
from musicfeat_trainer.data.sampler import CropSampler, Tempo, step_generators, stretched
from musicfeat_trainer.data.store import SpectrogramStore, list_tracks, open_store, prepare
from musicfeat_trainer.evaluate.pretext import fixed_clips


@pytest.fixture(scope="module")
def store(small_run: Path) -> SpectrogramStore:
    return prepare(small_run / "store", small_run / "audio", None, LogMelSpec())


def test_the_store_holds_every_good_file_and_lists_the_bad(small_run: Path, store: SpectrogramStore) -> None:
    assert len(store.tracks) == 8
    assert {track.source for track in store.tracks} == set("abcd")
    assert list(json.loads((small_run / "store" / "failures.json").read_text())) == ["a/broken.wav", "a/short.wav"]
    track = store.tracks[-1]
    power = mel_power(load(small_run / "audio" / track.path, rate=22050), LogMelSpec())
    stored = np.exp(store.values[track.start : track.start + track.frames].astype(np.float64))
    loud = power > 1e-9
    assert stored.shape == power.shape
    np.testing.assert_allclose(stored[loud], power[loud], rtol=0.01)


def test_a_store_of_another_spectrogram_is_refused(small_run: Path, store: SpectrogramStore) -> None:
    assert store.tracks
    with pytest.raises(InputError, match="delete it to build anew"):
        open_store(small_run / "store", LogMelSpec(n_mels=32))


def test_a_store_of_other_music_is_refused(small_run: Path, store: SpectrogramStore) -> None:
    table = small_run / "one.csv"
    table.write_text(f"path,source\n{store.tracks[0].path},a\n")
    with pytest.raises(InputError, match="other tracks"):
        prepare(small_run / "store", small_run / "audio", table, LogMelSpec())


def test_sources_are_kept_together(store: SpectrogramStore) -> None:
    held, rest = store.of_sources(["c"]), store.of_sources(["c"], excluded=True)
    assert {track.source for track in held} == {"c"}
    assert {track.source for track in rest} == set("abd")
    with pytest.raises(InputError, match="nowhere"):
        store.of_sources(["nowhere"])


def test_tables_leave_out_noncommercial_rows(tmp_path: Path) -> None:
    table = tmp_path / "tracks.csv"
    table.write_text("path,source,noncommercial\na/1.wav,a,no\nb/2.wav,b,yes\n")
    assert [track.path for track in list_tracks(tmp_path, table)] == ["a/1.wav"]


def test_missing_and_empty_folders_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no audio folder"):
        list_tracks(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no audio files"):
        list_tracks(tmp_path)


def test_crops_depend_on_seed_and_step_alone(store: SpectrogramStore) -> None:
    sampler = CropSampler(store, store.tracks, 100, Tempo())
    first = sampler.draw(4, 100, step_generators(7, 3)[0])
    sampler.draw(4, 100, step_generators(7, 4)[0])
    torch.testing.assert_close(sampler.draw(4, 100, step_generators(7, 3)[0]), first)
    assert not torch.equal(sampler.draw(4, 100, step_generators(8, 3)[0]), first)
    assert first.shape == (4, 100, 64)


def test_tracks_that_are_too_short_are_explained(store: SpectrogramStore) -> None:
    with pytest.raises(InputError, match="add longer ones"):
        CropSampler(store, store.tracks, 10**6, Tempo())
    with pytest.raises(InputError, match="hold out longer ones"):
        fixed_clips(store, store.tracks, 10**6, 2)


def test_stretching_is_linear_between_frames() -> None:
    values = np.log(np.arange(1, 11, dtype=np.float32))[:, None].astype(np.float16)
    found = stretched(values, np.array([0.0, 0.5, 3.25, 8.0]))
    np.testing.assert_allclose(found[:, 0], [1.0, 1.5, 4.25, 9.0], rtol=2e-3)


def test_augmentation_does_not_know_the_direction_of_time() -> None:
    """Flipping before gives what flipping afterwards gives, but for noise drawn for each cell."""
    augment = SpectrogramAugment(noise=0.0)
    power, other = torch.rand(6, 280, 64) + 0.01, torch.rand(6, 280, 64) + 0.01
    straight = augment.power(power, other, torch.Generator().manual_seed(1))
    flipped = augment.power(power.flip(1), other.flip(1), torch.Generator().manual_seed(1))
    torch.testing.assert_close(flipped, straight.flip(1))
    straight = augment.log_power(power, 140, torch.Generator().manual_seed(2))
    flipped = augment.log_power(power.flip(1), 140, torch.Generator().manual_seed(2))
    torch.testing.assert_close(flipped, straight.flip(1))


def test_augmentation_keeps_power_positive_and_finite() -> None:
    power = torch.rand(8, 40, 64) ** 8
    found = SpectrogramAugment().power(power, power.roll(1, 0), torch.Generator().manual_seed(0))
    assert torch.isfinite(found).all()
    assert (found >= 0).all()


def test_some_windows_are_shortened() -> None:
    lengths = SpectrogramAugment(shorten=0.5).lengths(400, 420, torch.Generator().manual_seed(0))
    assert 0.4 < (lengths < 420).float().mean() < 0.6
    assert lengths.min() >= 0.15 * 420 - 1
    assert lengths.max() == 420
