from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soxr
import torch

from musicfeat import InputError
from musicfeat.sound.audio import load
from musicfeat_trainer.frontends.cqt import CQT, CQTSpec
from musicfeat_trainer.frontends.cqt_kernels import QUALITY

RATE, HOP = 22050, 512
FLOOR = -60.0
"""Errors count where the expected value is above this, in decibels below the clip's maximum."""


@pytest.fixture(scope="module")
def cqt() -> CQT:
    return CQT()


@pytest.fixture(scope="module")
def wave(clip: np.ndarray, rate: int) -> np.ndarray:
    """8 s of synthesised music at 22.05 kHz, no whole number of hops."""
    return soxr.resample(clip[: 8 * rate], rate, RATE)[: 8 * RATE]


def run(module: CQT, wave: np.ndarray) -> np.ndarray:
    return module(torch.from_numpy(np.atleast_2d(wave).astype(np.float32))).numpy()


def librosa_decibels(wave: np.ndarray, *, silence: int = 0) -> np.ndarray:
    """Librosa's own, [frames, bins]; of the clip alone, or of the clip between stretches of silence."""
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    around = np.pad(wave, silence * HOP)
    magnitude = np.abs(librosa.cqt(around, sr=RATE)).T[silence : silence + len(wave) // HOP + 1]
    return librosa.amplitude_to_db(magnitude, ref=np.max)


def errors(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Differences in decibels where the expected value is above the floor."""
    assert found.shape == expected.shape
    return np.abs(found - expected)[expected > FLOOR]


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    """0.01 dB in the median and 0.1 dB at the 95th percentile, over the clip and over its ends where they sound."""
    ends = [part for part in (slice(5), slice(-5, None)) if (expected[part] > FLOOR).any()]
    for part in (slice(None), *ends):
        error = errors(found[part], expected[part])
        assert np.median(error) < 0.01
        assert np.percentile(error, 95) < 0.1


@pytest.mark.slow
def test_music_is_held_to_librosa(cqt: CQT, wave: np.ndarray) -> None:
    assert_alike(run(cqt, wave)[0], librosa_decibels(wave, silence=32))


def test_librosa_itself_is_less_exact_at_the_ends(cqt: CQT, wave: np.ndarray) -> None:
    error = errors(run(cqt, wave)[0], librosa_decibels(wave))
    assert np.median(error) < 0.01
    assert np.percentile(error, 95) < 0.15  # its resampler loses what rings beyond the clip


@pytest.mark.parametrize(("start", "stop"), [(30.0, 4200.0), (4200.0, 30.0), (20.0, 10000.0)])
def test_sweeps_are_held_to_librosa(cqt: CQT, start: float, stop: float) -> None:
    time = np.arange(6 * RATE) / RATE
    rate = np.log(stop / start) / time[-1]
    sweep = np.sin(2 * np.pi * start * (np.exp(rate * time) - 1) / rate)
    assert_alike(run(cqt, sweep)[0], librosa_decibels(sweep, silence=32))


@pytest.mark.slow
def test_real_music_is_held_to_librosa(cqt: CQT, music_folder: Path) -> None:
    with (music_folder / "tracks.csv").open(newline="") as file:
        rows = {row["source"]: row for row in csv.DictReader(file) if float(row["duration_s"]) > 45}
    for row in list(rows.values())[:6]:
        clip = load(music_folder / row["path"], rate=RATE)[20 * RATE : 25 * RATE]
        assert_alike(run(cqt, clip)[0], librosa_decibels(clip, silence=32))


def test_definition(wave: np.ndarray) -> None:
    """Brown's sum at the full rate, in double precision, without librosa, its dropped sidelobes or its rounding."""
    spec = CQTSpec(centred=True)
    power = CQT(spec).power(torch.from_numpy(wave[None].astype(np.float32))).numpy()[0]
    expected = np.empty_like(power, dtype=np.float64)
    for i, frequency in enumerate(spec.frequencies):
        length = QUALITY * RATE / frequency
        time = np.arange(-int(length / 2), int(length / 2) + 1)
        window = 0.5 + 0.5 * np.cos(2 * np.pi * time / length)
        kernel = window * np.exp(-2j * np.pi * frequency / RATE * time) * np.sqrt(length) / window.sum()
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, len(time) // 2), len(time))[::HOP]
        expected[:, i] = np.abs(frames @ kernel) ** 2
    error = errors(10 * np.log10(power / power.max()), 10 * np.log10(expected / expected.max() + 1e-12))
    assert np.median(error) < 0.1
    assert np.percentile(error, 95) < 1.5  # beside loud tones, where the sidelobes that librosa drops are all there is


def test_a_tone_is_loudest_in_its_bin(cqt: CQT) -> None:
    time = np.arange(2 * RATE) / RATE
    tones = np.sin(2 * np.pi * cqt.spec.frequencies[:, None] * time)
    middle = run(cqt, tones)[:, RATE // HOP]
    np.testing.assert_array_equal(middle.argmax(axis=1), np.arange(84))


def test_pitch_names(cqt: CQT) -> None:
    np.testing.assert_allclose(cqt.spec.frequencies[[0, 45, 83]], [32.703, 440.0, 3951.066], rtol=1e-5)


@pytest.mark.parametrize("gain", [1e-4, 0.3, 1.0, 30.0])
def test_any_gain_gives_the_same_decibels(cqt: CQT, wave: np.ndarray, gain: float) -> None:
    expected = run(cqt, wave)
    assert errors(run(cqt, gain * wave), expected).max() < 1e-3
    assert expected.max() == 0
    assert expected.min() >= -cqt.spec.top_db - 1e-4


def test_silence_is_the_lowest_value(cqt: CQT, wave: np.ndarray) -> None:
    np.testing.assert_allclose(run(cqt, 0 * wave), -80.0, atol=1e-4)
    half = wave * (np.arange(len(wave)) < len(wave) // 2)
    np.testing.assert_allclose(run(cqt, half)[0, -20:], -80.0, atol=1e-4)


def test_a_row_does_not_know_its_batch(cqt: CQT, wave: np.ndarray) -> None:
    rows = np.stack([wave, 1e-3 * np.roll(wave, RATE), 1e3 * wave[::-1]])
    together = run(cqt, rows)
    for row, expected in zip(rows, together, strict=True):
        assert errors(run(cqt, row)[0], expected).max() < 1e-3


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 5000])
def test_short_clips_are_clips_with_silence_behind(cqt: CQT, wave: np.ndarray, samples: int) -> None:
    clip = torch.from_numpy(wave[None, RATE : RATE + samples].astype(np.float32))
    power = cqt.power(clip)
    assert power.shape == (1, samples // HOP + 1, 84)
    longer = cqt.power(torch.nn.functional.pad(clip, (0, 9000)))
    torch.testing.assert_close(power, longer[:, : power.shape[1]], rtol=1e-3, atol=1e-6 * float(longer.max()))


def test_played_backwards_with_centred_windows_is_flipped(wave: np.ndarray) -> None:
    clip = wave[: 300 * HOP + 1]
    module = CQT(CQTSpec(centred=True))
    assert errors(run(module, clip[::-1].copy())[0, ::-1], run(module, clip)[0]).max() < 1e-3


def test_played_backwards_with_librosas_windows_is_nearly_flipped(cqt: CQT, wave: np.ndarray) -> None:
    clip = wave[: 300 * HOP + 1]
    error = errors(run(cqt, clip[::-1].copy())[0, ::-1], run(cqt, clip)[0])
    assert 1e-3 < np.median(error) < 0.3  # each octave's frames lie half a sample of its rate late


def test_centred_windows_change_little(cqt: CQT, wave: np.ndarray) -> None:
    error = errors(run(CQT(CQTSpec(centred=True)), wave), run(cqt, wave))
    assert np.median(error) < 0.2


def test_fewer_octaves_and_other_hops_are_the_same_bins(cqt: CQT, wave: np.ndarray) -> None:
    clip = torch.from_numpy(wave[None].astype(np.float32))
    expected = cqt.power(clip)
    low = cqt.spec.frequencies[12]
    six = CQT(CQTSpec(fmin=float(low), octaves=6, hop=256)).power(clip)[:, ::2]
    torch.testing.assert_close(six, expected[:, :, 12:], rtol=1e-2, atol=1e-6 * float(expected.max()))


def test_gradients_reach_the_waveform(cqt: CQT, wave: np.ndarray) -> None:
    clip = torch.from_numpy(wave[None, :9000].astype(np.float32)).requires_grad_()
    cqt(clip).sum().backward()
    assert clip.grad is not None
    assert bool(clip.grad.isfinite().all())
    assert float(clip.grad.abs().sum()) > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"hop": 500}, "multiple of 64"), ({"sample_rate": 16000}, "sample rate of"), ({"octaves": 0}, "octaves")],
)
def test_wrong_settings_are_refused(settings: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        CQTSpec(**settings)  # type: ignore[arg-type]


def test_no_samples_are_refused(cqt: CQT) -> None:
    with pytest.raises(InputError, match="at least one sample"):
        cqt(torch.zeros(1, 0))


def test_decibels_to_one_are_librosas(wave: np.ndarray) -> None:
    """``ref=1.0``, as in the public code of the time-reversal paper: the level counts, the floor stays 80 dB deep."""
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    magnitude = np.abs(librosa.cqt(np.pad(wave, 32 * HOP), sr=RATE)).T[32 : 32 + len(wave) // HOP + 1]
    module = CQT(CQTSpec(reference="one"))
    for gain in (1.0, 0.1):
        expected = librosa.amplitude_to_db(gain * magnitude, ref=1.0)
        found = run(module, gain * wave)[0]
        above = expected > expected.max() + FLOOR
        assert np.median(np.abs(found - expected)[above]) < 0.01
        assert abs(found.min() - (found.max() - 80)) < 1e-3
