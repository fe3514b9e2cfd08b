"""The overview of a file against the whole spectrogram, and its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from musicfeat.errors import AudioError, InputError
from musicfeat.report.overview import DECIBELS, overview
from musicfeat.sound.audio import load
from musicfeat.sound.log_mel import LogMelSpec, mel_power

SPEC = LogMelSpec()


@pytest.mark.parametrize(("frames", "size"), [(1200, 1), (400, 4), (333, 4), (2, 512)])
def test_columns_are_means_of_the_whole_spectrogram(
    tmp_path: Path, clip: np.ndarray, rate: int, frames: int, size: int
) -> None:
    soundfile.write(tmp_path / "clip.wav", clip, rate, "FLOAT")
    wave = load(tmp_path / "clip.wav", rate=SPEC.sample_rate)
    found = overview(tmp_path / "clip.wav", frames)
    assert found.duration == len(wave) / SPEC.sample_rate
    steps = np.pad(wave, (0, -len(wave) % SPEC.hop)).reshape(-1, SPEC.hop)
    groups = [slice(i, i + size) for i in range(0, len(steps), size)]
    assert len(groups) <= frames
    power = mel_power(steps.ravel(), SPEC)
    means = np.stack([power[group].mean(axis=0) for group in groups])
    levels = 255 * np.clip(1 + 10 * np.log10(means / means.max()) / DECIBELS, 0, 1)
    np.testing.assert_allclose(found.spectrogram, levels, atol=0.51)
    peaks = [127 * value for group in groups for value in (min(0, steps[group].min()), max(0, steps[group].max()))]
    np.testing.assert_allclose(found.peaks, peaks, atol=0.51)


def test_any_level_and_length(tmp_path: Path) -> None:
    for name, wave in {"one": np.ones(1), "silent": np.zeros(44100), "loud": 1000 * np.sin(np.arange(44100))}.items():
        soundfile.write(tmp_path / f"{name}.wav", wave, 44100, "FLOAT")
    assert overview(tmp_path / "one.wav").spectrogram.shape == (1, SPEC.n_mels)
    silent, loud = overview(tmp_path / "silent.wav"), overview(tmp_path / "loud.wav")
    assert not silent.spectrogram.any()
    assert not silent.peaks.any()
    assert loud.spectrogram.max() == 255
    assert np.abs(loud.peaks.astype(int)).max() == 127


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        overview(tmp_path / "missing.wav")
    with pytest.raises(InputError, match="at least 2"):
        overview(tmp_path / "missing.wav", 1)


def test_memory_does_not_grow(tmp_path: Path) -> None:
    code = (
        "import sys, resource; from musicfeat.report.overview import overview; overview(sys.argv[1]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    noise = np.random.default_rng(0).standard_normal(22050).astype(np.float32) / 8
    used = []
    for minutes in (1, 20):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 22050, 1, "PCM_16") as file:
            for _ in range(60 * minutes):
                file.write(noise)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        used.append(int(done.stdout) / 1024)
    assert used[1] < used[0] + 15, used
