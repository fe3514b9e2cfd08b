from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat.sound.audio import load
from musicfeat.sound.log_mel import LogMelSpec, mel_power
from musicfeat_trainer.augment.spectrogram import SpectrogramAugment
from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.bundled.clips import clip_starts, fixed_clips
from musicfeat_trainer.bundled.crops import Collection, CropSampler, stretched
from musicfeat_trainer.bundled.labels import ClipLabels, Label
from musicfeat_trainer.bundled.mel_power import MelPower
from musicfeat_trainer.data.store import Store, open_store, prepare_folder
from musicfeat_trainer.data.tracks import list_tracks
from musicfeat_trainer.training.part import step_generators


@pytest.fixture(scope="module")
def store(small_run: Path) -> Store:
    return prepare_folder(small_run / "store" / "test", small_run / "audio", None, MelPower(LogMelSpec()))


def test_the_store_holds_every_good_file_and_lists_the_bad(small_run: Path, store: Store) -> None:
    assert len(store.tracks) == 8
    assert {track.source for track in store.tracks} == set("abcd")
    assert list(json.loads((small_run / "store" / "test" / "failures.json").read_text())) == [
        "a/broken.wav",
        "a/short.wav",
    ]
    track = store.tracks[-1]
    power = mel_power(load(small_run / "audio" / track.path, rate=22050), LogMelSpec())
    stored = np.exp(store.values[track.start : track.start + track.frames].astype(np.float64))
    loud = power > 1e-9
    assert stored.shape == power.shape
    np.testing.assert_allclose(stored[loud], power[loud], rtol=0.01)


def test_a_store_of_another_spectrogram_is_refused(small_run: Path, store: Store) -> None:
    assert store.tracks
    with pytest.raises(InputError, match="delete it to build anew"):
        open_store(small_run / "store" / "test", MelPower(LogMelSpec(n_mels=32)))


def test_a_store_of_other_music_is_refused(small_run: Path, store: Store) -> None:
    table = small_run / "one.csv"
    table.write_text(f"path,source\n{store.tracks[0].path},a\n")
    with pytest.raises(InputError, match="other tracks"):
        prepare_folder(small_run / "store" / "test", small_run / "audio", table, MelPower(LogMelSpec()))


def test_sources_are_kept_together(store: Store) -> None:
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
    with pytest.raises(InputError, match="no folder of music"):
        list_tracks(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no files found .*\.wav"):
        list_tracks(tmp_path)


def test_crops_depend_on_seed_and_step_alone(store: Store) -> None:
    sampler = CropSampler([Collection(store, store.tracks)], 100, Tempo())
    first = sampler.draw(4, 100, step_generators(7, 3)[0]).power
    sampler.draw(4, 100, step_generators(7, 4)[0])
    torch.testing.assert_close(sampler.draw(4, 100, step_generators(7, 3)[0]).power, first)
    assert not torch.equal(sampler.draw(4, 100, step_generators(8, 3)[0]).power, first)
    assert first.shape == (4, 100, 64)


def test_pairs_are_two_crops_of_one_track_not_far_apart(store: Store) -> None:
    ramp = np.log(np.arange(1, 1001, dtype=np.float32))[:, None].astype(np.float16)
    halves = [replace(store.tracks[0], path=name, start=start, frames=500) for name, start in (("x", 0), ("y", 500))]
    collection = Collection(Store(ramp, halves, 0.1), halves)
    sampler = CropSampler([collection], 50, Tempo(probability=0.0, rubato=0.0))
    drawn = sampler.draw(40, 50, np.random.default_rng(0), apart=30).power[:, 0, 0]
    first, second = drawn[:40], drawn[40:]
    assert ((first < 500) == (second < 500)).all()
    assert (first - second).abs().max() <= 35
    assert (first - second).abs().max() > 15


def test_shares_decide_how_often_a_collection_is_drawn(store: Store) -> None:
    there, known = np.ones(20, np.float32), np.ones(20, np.float32)
    labels = ClipLabels({track.path: Label(there, known) for track in store.tracks})
    collections = [Collection(store, store.tracks, 0.8), Collection(store, store.tracks, 0.2, labels)]
    drawn = CropSampler(collections, 100, Tempo()).draw(500, 10, np.random.default_rng(0))
    assert 0.15 < drawn.known[:, 0].mean() < 0.25
    assert torch.equal(drawn.there, drawn.known)


def test_a_crop_a_little_longer_than_its_track_is_slowed_down(store: Store) -> None:
    track = store.tracks[0]
    frames = track.frames + 10
    drawn = CropSampler([Collection(store, [track])], frames, Tempo()).draw(2, frames, np.random.default_rng(0))
    assert drawn.power.shape == (2, frames, 64)


def test_tempo_changes_and_sways() -> None:
    generator = np.random.default_rng(0)
    assert (Tempo(probability=0, rubato=0).steps(50, generator) == 1).all()
    fixed = Tempo(probability=1, rubato=0).steps(50, generator)
    assert np.ptp(fixed) == 0
    assert fixed[0] != 1
    sway = Tempo(probability=0, rubato=1, depth=0.06).steps(400, generator)
    assert 0.05 < np.ptp(sway) < 0.13


def test_tracks_that_are_too_short_are_explained(store: Store) -> None:
    with pytest.raises(InputError, match="add longer ones"):
        CropSampler([Collection(store, store.tracks)], 10**6, Tempo())
    with pytest.raises(InputError, match="hold out longer ones"):
        fixed_clips([Collection(store, store.tracks)], 10**6, 2)
    assert clip_starts(100, 30, 2) == [0, 70]
    assert clip_starts(100, 101, 2) == []


def test_stretching_is_linear_between_frames() -> None:
    values = np.log(np.arange(1, 11, dtype=np.float32))[:, None].astype(np.float16)
    found = stretched(values, np.array([0.0, 0.5, 3.25, 8.0]))
    np.testing.assert_allclose(found[:, 0], [1.0, 1.5, 4.25, 9.0], rtol=2e-3)


def test_augmentation_does_not_know_the_direction_of_time() -> None:
    """Flipping before gives what flipping afterwards gives, but for noise drawn for each cell."""
    augment, power = SpectrogramAugment(noise=0.0), torch.rand(6, 280, 64) + 0.01
    straight, mixed = augment.power(power, torch.Generator().manual_seed(1))
    flipped, _ = augment.power(power.flip(1), torch.Generator().manual_seed(1))
    torch.testing.assert_close(flipped, straight.flip(1))
    assert mixed.dtype == torch.bool
    straight = augment.log_power(power, 140, torch.Generator().manual_seed(2))
    flipped = augment.log_power(power.flip(1), 140, torch.Generator().manual_seed(2))
    torch.testing.assert_close(flipped, straight.flip(1))


def test_augmentation_keeps_power_positive_and_finite() -> None:
    power = torch.rand(8, 40, 64) ** 8
    found, _ = SpectrogramAugment().power(power, torch.Generator().manual_seed(0))
    assert torch.isfinite(found).all()
    assert (found >= 0).all()


def test_pairs_may_share_pitch_and_equalisation() -> None:
    augment = SpectrogramAugment(mix=0.0, noise=0.0, pitch=1.0, alike=1.0)
    clip = torch.rand(1, 40, 64) + 0.01
    power, _ = augment.power(clip.expand(9, -1, -1), torch.Generator().manual_seed(0), pairs=4)
    torch.testing.assert_close(power[:4], power[4:8])
    assert not torch.allclose(power[0], power[8])


def test_some_windows_are_shortened() -> None:
    lengths = SpectrogramAugment(shorten=0.5).lengths(400, 420, torch.Generator().manual_seed(0))
    assert 0.4 < (lengths < 420).float().mean() < 0.6
    assert lengths.min() >= 0.15 * 420 - 1
    assert lengths.max() == 420
