from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch

from musicfeat import InputError
from musicfeat_trainer.frontends.resample import PASSBAND, Resample, half_width

RATES = [16000, 32000, 44100, 48000, 88200, 96000]
LOWEST_DB = -97.0


def tone(frequency: float, samples: int, rate: int) -> np.ndarray:
    return np.cos(2 * np.pi * frequency * np.arange(samples) / rate + 1)


def resample(wave: np.ndarray, rate: int, to: int = 22050) -> np.ndarray:
    return Resample(rate, to)(torch.tensor(wave[None], dtype=torch.float32))[0].double().numpy()


def decibels(error: np.ndarray, reference: np.ndarray) -> float:
    """Ratio of the error's power to the reference's, without the edges."""
    inner = slice(500, -500)
    return 10 * np.log10(np.mean(error[inner] ** 2) / np.mean(reference[inner] ** 2))


@pytest.mark.parametrize("rate", RATES)
def test_tones_of_the_pass_band_stay_what_they_are(rate: int) -> None:
    for share in (0.005, 0.1, 0.35, 0.65, 0.8, PASSBAND):
        frequency = share * min(rate, 22050) / 2
        found = resample(tone(frequency, rate, rate), rate)
        expected = tone(frequency, 22050, 22050)
        assert decibels(found - expected, expected) < LOWEST_DB, frequency


@pytest.mark.parametrize("rate", [rate for rate in RATES if rate > 22050])
def test_tones_above_the_stop_band_are_gone(rate: int) -> None:
    for frequency in np.linspace((2 - PASSBAND) * 11025, 0.499 * rate, 7):
        found = resample(tone(frequency, rate, rate), rate)
        assert decibels(found, tone(1000, 22050, 22050)) < LOWEST_DB, frequency


def test_images_of_a_lower_rate_are_gone() -> None:
    """Frequencies that 16 kHz cannot hold stay empty: 7.2 kHz has its image at 8.8 kHz."""
    found = resample(tone(7200, 16000, 16000), 16000)
    spectrum = np.abs(np.fft.rfft(found[1000:-1000] * np.kaiser(len(found) - 2000, 14))) ** 2
    above = np.fft.rfftfreq(len(found) - 2000, 1 / 22050) > 8100
    assert 10 * np.log10(spectrum[above].max() / spectrum.max()) < LOWEST_DB


@pytest.mark.parametrize("rate", RATES)
def test_noise_is_held_to_its_exact_spectrum_and_to_soxr(rate: int) -> None:
    """Noise up to the pass band's edge, a second that repeats itself: exact at any rate by its Fourier series."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(rate))
    spectrum[int(PASSBAND * min(rate, 22050) / 2) :] = 0
    noise = np.fft.irfft(spectrum, rate)
    exact = np.fft.irfft(np.pad(spectrum, (0, 22050))[: 22050 // 2 + 1], 22050) * 22050 / rate
    found, peer = resample(noise, rate), soxr.resample(noise.astype(np.float32), rate, 22050, quality="HQ")
    assert len(found) == len(peer)
    assert decibels(found - exact, exact) < LOWEST_DB - 10
    assert decibels(found - peer, exact) < -75


@pytest.mark.parametrize(("rate", "to"), [(44100, 22050), (48000, 22050), (16000, 22050), (48000, 16000), (7, 5)])
def test_blocks_written_out(rate: int, to: int) -> None:
    """Every output sample is one sum, at the file's edges over what is there, for no whole number of blocks too."""
    module = Resample(rate, to)
    wave = np.random.default_rng(0).standard_normal(3 * module.block + 17)
    found = module(torch.tensor(wave[None], dtype=torch.float32))[0].numpy()
    assert len(found) == len(wave) * to // rate
    silence = np.zeros(module.block)
    around = np.concatenate([silence, wave, silence])
    for m in (0, 1, len(found) // 3, len(found) // 2, len(found) - 1):
        distance = np.arange(-len(silence), len(wave) + len(silence)) - m * rate / to
        inside = np.clip(1 - (distance / half_width(rate, to)) ** 2, 0, None)
        kernel = np.sinc(distance * min(1, to / rate)) * np.i0(10.06126 * np.sqrt(inside)) * (inside > 0)
        assert found[m] == pytest.approx(kernel @ around / kernel.sum(), abs=1e-5)


@pytest.mark.parametrize("rate", RATES)
def test_a_constant_stays_what_it_is(rate: int) -> None:
    found = resample(np.full(rate // 2, 0.3), rate)
    np.testing.assert_allclose(found[200:-200], 0.3, atol=1e-6)


def test_rows_do_not_mix() -> None:
    waves = torch.randn(3, 10000)
    torch.testing.assert_close(Resample(48000)(waves)[1:2], Resample(48000)(waves[1:2]))


@pytest.mark.parametrize("rate", [0, -44100, 22050, 44099])
def test_rates_that_no_graph_resamples_from_are_refused(rate: int) -> None:
    with pytest.raises(InputError, match=str(rate)):
        Resample(rate)
