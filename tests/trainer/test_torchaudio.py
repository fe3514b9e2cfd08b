"""Ours against torchaudio, and what torchaudio itself does here; skipped where it is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import LogMelSpec, mel_matrix
from musicfeat_trainer.augment.filters import convolved, low_pass_kernels
from musicfeat_trainer.augment.masks import stripes
from musicfeat_trainer.data.sets.gtzan import torchaudio_splits
from musicfeat_trainer.encoders.temporal_net import CEPSTRUM, cosine_transform
from musicfeat_trainer.encoders.wav2vec2 import STEP, Wav2Vec2, Wav2Vec2Config
from musicfeat_trainer.features import Shape
from musicfeat_trainer.frontends.mel_decibels import MelDecibels, MelDecibelsSpec, htk_matrix
from musicfeat_trainer.frontends.resample import Resample
from musicfeat_trainer.frontends.torchaudio_mel import TorchaudioMel
from musicfeat_trainer.objectives.cpc import CPCConfig
from musicfeat_trainer.objectives.objective import Setting, Views
from support.torchaudio import needed

torch.set_num_threads(1)


@pytest.mark.slow
def test_nothing_of_ours_imports_it_before_it_is_used() -> None:
    code = "import sys, musicfeat_trainer.cli; print('torchaudio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_it_what_needs_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    for needing in (TorchaudioMel, lambda: Wav2Vec2(Wav2Vec2Config()), torchaudio_splits):
        with pytest.raises(InputError, match=r"pip install 'musicfeat\[torchaudio\]'"):
            needing()


@pytest.fixture(scope="module")
def functional() -> object:
    return needed()


@pytest.fixture
def sound() -> torch.Tensor:
    """Noise that swells, and a tone that ends in silence."""
    time = torch.arange(16003) / 16000
    swell = torch.randn(16003, generator=torch.Generator().manual_seed(0)) * time**2
    return torch.stack([swell, torch.sin(2 * torch.pi * 700 * time) * (time < 0.5)])


@pytest.mark.parametrize("spec", [MelDecibelsSpec(), MelDecibelsSpec(n_mels=48, top_db=80.0)])
def test_siamusics_frontend_is_ours_to_a_hundredth_of_a_decibel(
    functional: object, sound: torch.Tensor, spec: MelDecibelsSpec
) -> None:
    assert functional
    theirs, ours = TorchaudioMel(spec)(sound), MelDecibels(spec)(sound)
    assert theirs.shape == ours.shape
    above = theirs > theirs.amax(dim=(1, 2), keepdim=True) - 70  # below, float32 transforms are noise
    torch.testing.assert_close(ours[above], theirs[above], atol=0.02, rtol=0)
    torch.testing.assert_close(ours[1, -10:], theirs[1, -10:], atol=1e-3, rtol=0)
    assert not TorchaudioMel(spec).state_dict()


def test_bands_and_cosines_are_theirs(functional: object) -> None:
    spec, htk = LogMelSpec(), MelDecibelsSpec()
    theirs = functional.melscale_fbanks(  # type: ignore[attr-defined]
        spec.n_fft // 2 + 1, spec.fmin, spec.fmax, spec.n_mels, spec.sample_rate, mel_scale="slaney"
    )
    np.testing.assert_allclose(mel_matrix(spec), theirs, atol=2e-5)
    theirs = functional.melscale_fbanks(257, htk.fmin, htk.fmax, htk.n_mels, htk.sample_rate)  # type: ignore[attr-defined]
    np.testing.assert_allclose(htk_matrix(htk), theirs, atol=2e-5)
    np.testing.assert_allclose(
        cosine_transform(64),
        functional.create_dct(CEPSTRUM, 64, "ortho"),
        atol=1e-6,  # type: ignore[attr-defined]
    )


def test_resampling_is_theirs_within_the_passband(functional: object) -> None:
    time = torch.arange(44100, dtype=torch.float64) / 44100
    tones = torch.stack([torch.sin(2 * torch.pi * f * time) for f in (100, 3000, 9000)]).float()
    theirs = functional.resample(  # type: ignore[attr-defined]
        tones, 44100, 22050, lowpass_filter_width=64, rolloff=0.95, resampling_method="sinc_interp_kaiser", beta=14.7
    )
    ours = Resample(44100, 22050)(tones)
    torch.testing.assert_close(ours[:, 500:-500], theirs[:, 500:-500], atol=1e-3, rtol=0)


def test_stripes_are_as_wide_as_their_masks(functional: object) -> None:
    """``mask_along_axis_iid`` masks up to its parameter, uniformly, and starts anywhere that lets the stripe fit."""
    torch.manual_seed(0)
    theirs = functional.mask_along_axis_iid(torch.ones(4000, 1, 5, 100), 20, 0.0, 3)[:, 0, 0] == 0  # type: ignore[attr-defined]
    ours = stripes(100, 0.2, 4000, torch.Generator().manual_seed(0))
    for masked in (theirs, ours):
        assert masked.sum(1).float().mean() == pytest.approx(10, abs=0.75)
        assert 19 <= masked.sum(1).max() <= 20
    shares = [masked.float().mean(0) for masked in (theirs, ours)]
    assert float((shares[0] - shares[1]).abs().max()) < 0.035


def test_convolution_is_theirs(functional: object) -> None:
    clips = torch.randn(3, 5000, generator=torch.Generator().manual_seed(1))
    kernels = low_pass_kernels(torch.tensor([0.05, 0.1, 0.2]))
    half = kernels.shape[1] // 2
    padded = torch.nn.functional.pad(clips, (half, half), mode="replicate")
    theirs = functional.fftconvolve(padded, kernels, mode="valid")  # type: ignore[attr-defined]
    torch.testing.assert_close(convolved(clips, kernels), theirs, atol=1e-4, rtol=0)


def test_the_low_pass_is_6_db_down_where_theirs_of_order_two_is_3(functional: object) -> None:
    """Both at 1 kHz: a windowed sinc halves the amplitude there, a Butterworth biquad of their library the power."""
    rate, cutoff = 22050, 1000.0
    tone = torch.sin(2 * torch.pi * cutoff * torch.arange(22050) / rate)[None]
    ours = convolved(tone, low_pass_kernels(torch.tensor([cutoff / rate])))[:, 5000:-5000]
    theirs = functional.lowpass_biquad(tone, rate, cutoff)[:, 5000:-5000]  # type: ignore[attr-defined]
    level = tone[:, 5000:-5000].square().mean()
    assert 10 * float(torch.log10(ours.square().mean() / level)) == pytest.approx(-6.02, abs=0.05)
    assert 10 * float(torch.log10(theirs.square().mean() / level)) == pytest.approx(-3.01, abs=0.05)


def test_wav2vec2_is_a_sequence_encoder_of_cpc(functional: object) -> None:
    assert functional
    torch.manual_seed(0)
    encoder = Wav2Vec2Config(width=32, layers=1).build(Shape(1, 16000))
    sound = torch.randn(4, 16000)
    assert encoder.sequence(sound).shape == (4, (16000 - 400) // STEP + 1, 32)
    objective = CPCConfig(context=8, future=3).build(Setting(encoder))
    loss = objective.losses(Views((sound,), torch.arange(4)))["contrastive"]
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters() if p.requires_grad)
    with pytest.raises(InputError, match="multiple of 16"):
        Wav2Vec2Config(width=40).build(Shape(1, 16000))


def test_the_fault_filtered_lists_are_the_published_ones(functional: object) -> None:
    """Kereliuk, Sturm and Larsen (2015): 443, 197 and 290 of the 1000 excerpts."""
    assert functional
    splits = torchaudio_splits()
    counts = {split: list(splits.values()).count(split) for split in ("train", "validation", "test")}
    assert counts == {"train": 443, "validation": 197, "test": 290}
    assert splits["blues.00029"] == "train"


def test_a_run_through_torchaudio_is_exported_by_its_twin(functional: object, tmp_path: Path) -> None:
    assert functional
    pytest.importorskip("onnxscript", reason="the export extra is not installed")
    from musicfeat_export.onnx_file import export
    from musicfeat_trainer.method.method import Method
    from musicfeat_trainer.recipe.parse import parse_recipe
    from support.runs import write_run

    method = {"steps": 1, "batch": 4, "clips": {"seconds": 1.0}, "objective": {"name": "simclr"}}
    method |= {"frontend": {"name": "torchaudio_mel"}, "encoder": {"name": "resnet"}}
    data = {"set": {"name": "folder", "root": "nowhere"}, "store": "nowhere"}
    recipe = parse_recipe({"name": "tiny", "data": data, "method": method}, "test")
    torch.manual_seed(0)
    run = write_run(tmp_path / "run", recipe, method=Method(recipe.method))
    assert export(run, tmp_path / "model.onnx")["embedding"] < 1e-4
