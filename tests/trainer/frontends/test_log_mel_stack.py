from __future__ import annotations

import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat.sound.log_mel import LogMelSpec, log_mel
from musicfeat_trainer.frontends.log_mel_stack import LogMelStack, LogMelStackSpec


@pytest.fixture
def sound() -> np.ndarray:
    """Two rows: noise that swells, a sweep that ends in silence."""
    time = np.arange(275 * 80) / 22050
    swell = np.random.default_rng(0).standard_normal(len(time)) * time**2
    return np.stack([swell, np.sin(2 * np.pi * 200 * np.exp(2 * time)) * (time < 0.5)]).astype(np.float32)


RESOLUTIONS = LogMelStackSpec(frame_hops=(2, 4, 8))


def test_the_thesis_has_the_same_spectrogram_three_times(sound: np.ndarray) -> None:
    """Lin (2022), chapter 4: there is redundancy with the same mel spectrogram in each channel."""
    module = LogMelStack()
    found = module(torch.from_numpy(sound)).numpy()
    assert len(module.spectrograms) == 1
    np.testing.assert_array_equal(found[:, 1], found[:, 0])
    np.testing.assert_array_equal(found[:, 2], found[:, 0])
    np.testing.assert_allclose(found[:, 0], log_mel(sound, module.spec.base), atol=1e-3)


def test_each_channel_is_held_to_the_numpy_reference(sound: np.ndarray) -> None:
    module = LogMelStack(RESOLUTIONS)
    found = module(torch.from_numpy(sound)).numpy()
    assert found.shape == (2, 3, 80, 128)
    for channel, spec in enumerate(module.spec.channels):
        np.testing.assert_allclose(found[:, channel], log_mel(sound, spec), atol=1e-3)


def test_longer_frames_are_sharper_in_pitch_and_shorter_ones_in_time() -> None:
    samples = np.arange(275 * 80)
    tone = np.sin(2 * np.pi * 440 * samples / 22050)
    click = 1.0 * (samples == 275 * 40 + 137)
    found = LogMelStack(RESOLUTIONS)(torch.from_numpy(np.stack([tone, click]).astype(np.float32))).numpy()
    beside = found[0, :, 40, 20:30].mean(axis=1)  # 100 to 400 Hz above the tone
    assert beside[0] > 1.5 * beside[1] > 2 * beside[2]
    assert [int((frames.sum(-1) > 0).sum()) for frames in found[1]] == [1, 3, 7]


def test_no_band_is_empty(sound: np.ndarray) -> None:
    noise = np.random.default_rng(0).standard_normal((1, sound.shape[1])).astype(np.float32)
    assert bool((LogMelStack(RESOLUTIONS)(torch.from_numpy(noise)).amax(dim=2) > 1).all())


def test_played_backwards_is_flipped(sound: np.ndarray) -> None:
    module = LogMelStack(RESOLUTIONS)
    forwards, backwards = module(torch.from_numpy(sound)), module(torch.from_numpy(sound[:, ::-1].copy()))
    torch.testing.assert_close(backwards.flip(2), forwards, atol=1e-3, rtol=0)


def test_wrong_frame_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="1 hop"):
        LogMelStackSpec(frame_hops=(0, 1))
    with pytest.raises(InputError, match="1 hop"):
        LogMelStackSpec(LogMelSpec(), frame_hops=())
