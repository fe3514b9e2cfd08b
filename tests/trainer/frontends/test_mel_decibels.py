from __future__ import annotations

import numpy as np
import pytest
import torch

from musicfeat import InputError
from musicfeat_trainer.frontends.mel_decibels import MelDecibels, MelDecibelsSpec, htk_matrix

SPECS = [MelDecibelsSpec(), MelDecibelsSpec(n_mels=48), MelDecibelsSpec(n_fft=400, hop=200, fmin=60, top_db=80)]
IDS = ["80 bands", "48 bands", "400 points"]


@pytest.fixture
def sound() -> np.ndarray:
    """Noise that swells, and a tone that ends in silence; no whole number of hops."""
    time = np.arange(16003) / 16000
    swell = np.random.default_rng(0).standard_normal(len(time)) * time**2
    return np.stack([swell, np.sin(2 * np.pi * 700 * time) * (time < 0.5)]).astype(np.float32)


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_values_are_those_of_librosa_with_torchaudios_settings(spec: MelDecibelsSpec, sound: np.ndarray) -> None:
    """Mirrored ends, HTK bands without norm, power, decibels to 1: by librosa's own transform."""
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    settings = {"n_fft": spec.n_fft, "hop_length": spec.hop, "n_mels": spec.n_mels, "fmin": spec.fmin}
    power = librosa.feature.melspectrogram(
        y=sound, sr=16000, fmax=spec.fmax, htk=True, norm=None, pad_mode="reflect", **settings
    )
    expected = np.stack([librosa.power_to_db(row, ref=1.0, amin=1e-10, top_db=spec.top_db) for row in power])
    found = MelDecibels(spec)(torch.from_numpy(sound)).numpy().transpose(0, 2, 1)
    assert found.shape == expected.shape
    above = expected > expected.max() - 70  # below, librosa's own float32 transform is noise
    np.testing.assert_allclose(found[above], expected[above], atol=0.02)
    np.testing.assert_allclose(found[1, :, -10:], expected[1, :, -10:], atol=1e-3)  # silence


@pytest.mark.parametrize("spec", SPECS, ids=IDS)
def test_bands_are_librosas_of_the_htk_scale(spec: MelDecibelsSpec) -> None:
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    expected = librosa.filters.mel(
        sr=16000, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax, htk=True, norm=None
    )
    np.testing.assert_allclose(htk_matrix(spec), expected.T, atol=1e-6)


def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(InputError, match="must divide"):
        MelDecibelsSpec(hop=200)
    with pytest.raises(InputError, match="top_db"):
        MelDecibelsSpec(top_db=0)
    with pytest.raises(InputError, match="more than 256 samples"):
        MelDecibels()(torch.zeros(1, 256))
