from __future__ import annotations

import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat.sound.log_mel import LogMelSpec, log_mel, mel_power
from musicfeat_trainer.frontends.log_mel import LogMel, fast_factor

SPECS = [
    LogMelSpec(),
    LogMelSpec(n_fft=1024, hop=512),
    LogMelSpec(n_fft=2048, hop=512, n_mels=128, fmax=11025.0),
    LogMelSpec(sample_rate=16000, n_fft=400, hop=100, n_mels=40, fmin=0.0, fmax=8000.0),
    LogMelSpec(n_mels=128, pool=2),
    LogMelSpec(n_fft=6, hop=3, n_mels=2, fmin=0.0, fmax=11025.0),
]


@pytest.fixture
def sound() -> np.ndarray:
    """Three rows: noise that swells, a quiet sweep that ends half-way, silence."""
    time = np.arange(22050 * 3) / 22050
    swell = np.random.default_rng(0).standard_normal(len(time)) * time**2
    sweep = 1e-3 * np.sin(2 * np.pi * 200 * np.exp(time)) * (time < 1.5)
    return np.stack([swell, sweep, 0 * time]).astype(np.float32)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.n_fft}/{s.hop}/{s.pool}")
def test_the_module_is_held_to_the_numpy_reference(spec: LogMelSpec, sound: np.ndarray) -> None:
    found = LogMel(spec)(torch.from_numpy(sound)).numpy()
    np.testing.assert_allclose(found, log_mel(sound, spec), atol=1e-3)


@pytest.mark.parametrize("rows", [2, 14, 30, 42, 50, 350, 1050])
def test_every_factorisation_gives_the_same_power(rows: int, sound: np.ndarray) -> None:
    spec = LogMelSpec()
    power = LogMel(spec, rows).power(torch.from_numpy(sound)).numpy()
    expected = mel_power(sound, spec)
    np.testing.assert_allclose(power, expected, atol=1e-5 * expected.max())


def test_error_in_single_precision_is_small(sound: np.ndarray) -> None:
    error = np.abs(LogMel()(torch.from_numpy(sound)).numpy() - log_mel(sound))
    assert np.median(error) < 1e-6


def test_rows_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match="rows"):
        LogMel(LogMelSpec(), rows=32)
    with pytest.raises(InputError, match="hop"):
        LogMel(LogMelSpec(), rows=35)


@pytest.mark.parametrize(
    ("n", "hop", "factor"),
    [(1024, 512, 64), (1050, 525, 42), (1050, 1050, 42), (1050, 15, 70), (2048, 512, 64), (7, 7, 7), (1, 1, 1)],
)
def test_fast_factor(n: int, hop: int, factor: int) -> None:
    assert fast_factor(n, hop) == factor


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_clips_shorter_than_a_frame(frames: int, sound: np.ndarray) -> None:
    spec = SPECS[3]
    clip = sound[:1, -frames * spec.hop :]
    np.testing.assert_allclose(LogMel(spec)(torch.from_numpy(clip)).numpy(), log_mel(clip, spec), atol=1e-3)


def test_frontends_that_differ_in_their_bands_share_a_spectrum(sound: np.ndarray) -> None:
    one, other = LogMel(), LogMel(LogMelSpec(n_mels=128, pool=2))
    assert one.shares_spectrum(other)
    wave = torch.from_numpy(sound[:, : 525 * 20])
    torch.testing.assert_close(other.log_mel(one.spectrum(wave)).transpose(1, 2), other(wave))
    assert not one.shares_spectrum(LogMel(LogMelSpec(fmax=5000.0)))
    assert not one.shares_spectrum(LogMel(LogMelSpec(), rows=30))


def test_samples_behind_the_last_whole_hop_are_left_out(sound: np.ndarray) -> None:
    wave = torch.from_numpy(sound)
    torch.testing.assert_close(LogMel()(wave[:, : 525 * 20 + 300]), LogMel()(wave[:, : 525 * 20]))
    pooled = LogMel(LogMelSpec(pool=2))
    torch.testing.assert_close(pooled(wave[:, : 525 * 21 + 300]), pooled(wave[:, : 525 * 20]))
