from __future__ import annotations

import numpy as np
import pytest

from musicfeat import InputError
from musicfeat.sound.log_mel import LogMelSpec, hann, log_mel, mel_matrix, mel_power


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(525 * 40)


def test_power_written_out(noise: np.ndarray) -> None:
    """One frame by the definition of the discrete Fourier transform."""
    spec = LogMelSpec()
    frame = np.pad(noise, spec.padding)[7 * spec.hop :][: spec.n_fft] * hann(spec.n_fft)
    bins = np.arange(spec.n_fft // 2 + 1)[:, None]
    spectrum = (frame * np.exp(-2j * np.pi * bins * np.arange(spec.n_fft) / spec.n_fft)).sum(1)
    np.testing.assert_allclose(mel_power(noise, spec)[7], np.abs(spectrum) ** 2 @ mel_matrix(spec), rtol=1e-9)


@pytest.mark.slow
def test_mel_matrix_agrees_with_librosa() -> None:
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    spec = LogMelSpec()
    theirs = librosa.filters.mel(
        sr=spec.sample_rate, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, norm=None
    )
    np.testing.assert_allclose(mel_matrix(spec), theirs.T, atol=1e-6)


def test_frames_are_centred() -> None:
    click = np.zeros(525 * 20)
    click[525 * 8 + 262] = 1.0
    power = mel_power(click, LogMelSpec()).sum(1)
    assert power.argmax() == 8
    np.testing.assert_allclose(power[7], power[9])


def test_pooled_frames_are_the_mean_power_of_several(noise: np.ndarray) -> None:
    pooled, single = mel_power(noise[: 525 * 20], LogMelSpec(pool=4)), mel_power(noise[: 525 * 20], LogMelSpec())
    np.testing.assert_allclose(pooled[1], single[4:8].mean(0))
    assert len(pooled) == 5 == len(mel_power(noise[: 525 * 23], LogMelSpec(pool=4)))


def test_backwards_is_the_flipped_spectrogram(noise: np.ndarray) -> None:
    np.testing.assert_allclose(log_mel(noise[::-1]), log_mel(noise)[::-1], atol=1e-6)


@pytest.mark.parametrize("gain", [1e-4, 10.0])
def test_gain_changes_nothing(noise: np.ndarray, gain: float) -> None:
    np.testing.assert_allclose(log_mel(gain * noise), log_mel(noise), atol=1e-5)


def test_full_scale_sine_has_a_quarter_of_power() -> None:
    spec = LogMelSpec()
    frequency = 40 * spec.sample_rate / spec.n_fft
    sine = np.sin(2 * np.pi * frequency * np.arange(525 * 10) / spec.sample_rate)
    spectrum = np.fft.rfft(sine[: spec.n_fft] * hann(spec.n_fft))
    assert np.abs(spectrum[40]) ** 2 == pytest.approx(0.25)


def test_silence_is_zero_and_does_not_count() -> None:
    sound = np.random.default_rng(1).standard_normal(525 * 10)
    padded = np.concatenate([sound, np.zeros(525 * 10)])
    np.testing.assert_array_equal(log_mel(np.zeros(525 * 4)), 0.0)
    np.testing.assert_array_equal(log_mel(padded)[11:], 0.0)
    # The frame across the edge sounds, too, and is quieter: the mean is up to 1/11 lower.
    difference = log_mel(padded)[:9] - log_mel(sound)[:9]
    assert 0 <= difference.min() <= difference.max() < np.log(11 / 10)


@pytest.mark.parametrize("wrong", [{"hop": 500}, {"hop": 0}, {"fmax": 12000.0}, {"fmin": 8000.0}, {"pool": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        LogMelSpec(**wrong)  # type: ignore[arg-type]
