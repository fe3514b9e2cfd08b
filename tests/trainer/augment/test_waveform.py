"""Augmentations of raw samples, against measurements of what they are said to do."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from scipy import signal
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.filters import HighLowPass
from musicfeat_trainer.augment.fourier import fast_length
from musicfeat_trainer.augment.mixup import Mixup
from musicfeat_trainer.augment.phase_vocoder import advanced
from musicfeat_trainer.augment.pitch import PitchShift, TimeStretch
from musicfeat_trainer.augment.registry import WaveformAugmentation
from musicfeat_trainer.augment.reverb import Reverb
from musicfeat_trainer.augment.waveform import CropPad, Delay, FlipSamples, Gain, Noise, Polarity

RATE = 22050
Samples = npt.NDArray[np.float64]
KINDS: tuple[type[Augmentation], ...] = get_args(get_args(WaveformAugmentation)[0])
PUBLISHED = {
    "polarity": 0.8,
    "noise": 0.01,
    "gain": 0.3,
    "high_low_pass": 0.8,
    "delay": 0.3,
    "pitch_shift": 0.6,
    "reverb": 0.6,
    "mixup": 0.6,
    "time_stretch": 0.6,
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tone(frequency: float, samples: int = 2 * RATE, rate: int = RATE) -> Tensor:
    return (0.3 * torch.sin(2 * torch.pi * frequency * torch.arange(samples).double() / rate)).float()[None]


def noise(count: int = 1, samples: int = 8000, seed: int = 9) -> Tensor:
    return 0.1 * torch.randn(count, samples, generator=seeded(seed))


def level(clips: Tensor) -> Tensor:
    return 10 * clips.double().square().mean(1).log10()


def peak_frequency(clip: Tensor) -> float:
    """Frequency of the strongest bin, by a parabola through its neighbours."""
    spectrum = np.log(np.abs(np.fft.rfft(clip.numpy() * np.hanning(len(clip)))) + 1e-9)
    k = int(spectrum.argmax())
    a, b, c = spectrum[k - 1 : k + 2]
    return (k + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / len(clip)


@pytest.mark.parametrize("kind", KINDS)
def test_all_keep_shape_and_dtype_and_repeat_for_a_seed(kind: type[Augmentation]) -> None:
    change, clips = kind(probability=1.0), noise(4)
    before = clips.clone()
    changed = change(clips, seeded(3))
    assert changed.shape == clips.shape
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert torch.equal(clips, before)
    torch.manual_seed(77)
    assert torch.equal(changed, change(clips, seeded(3)))
    assert not torch.equal(changed, clips)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {PitchShift, TimeStretch}, key=str))  # istft knows no meta device
def test_what_is_drawn_follows_the_clips_to_their_device(kind: type[Augmentation]) -> None:
    clips = torch.empty(3, 8000, device="meta")
    changed = kind().change(clips, clips, seeded())
    assert changed.device == clips.device


@pytest.mark.parametrize("kind", KINDS)
def test_silence_stays_silence(kind: type[Augmentation]) -> None:
    assert kind(probability=1.0)(torch.zeros(2, 8000), seeded()).abs().max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_clips_are_chosen_with_the_probability_and_others_stay(kind: type[Augmentation]) -> None:
    clips = noise(200, 2500)
    changed = kind(probability=0.3)(clips, seeded(1))
    touched = int((changed != clips).any(1).sum())
    assert 40 <= touched <= 80  # 60 +- 3 standard deviations


@pytest.mark.parametrize("kind", KINDS)
def test_each_clip_changes_on_its_own(kind: type[Augmentation]) -> None:
    clips = noise(1).repeat(6, 1)
    changed = kind(probability=1.0)(torch.cat([clips, noise(1, seed=5)]), seeded(2))[:6]
    distinct = len({row.numpy().tobytes() for row in changed})
    assert distinct == (1 if kind in {Polarity, FlipSamples} else distinct)
    assert distinct > 1 or kind in {Polarity, FlipSamples}


def test_default_probabilities_are_the_published_ones() -> None:
    assert {kind().name: kind().probability for kind in KINDS if kind().name in PUBLISHED} == PUBLISHED


def test_recipes_name_them() -> None:
    adapter: TypeAdapter[Augmentation] = TypeAdapter(WaveformAugmentation)
    assert adapter.validate_python({"name": "gain", "decibels": [-6, 0]}) == Gain(decibels=(-6.0, 0.0))
    with pytest.raises(ValidationError, match="lower bound comes first"):
        adapter.validate_python({"name": "gain", "decibels": [0, -6]})
    with pytest.raises(ValidationError, match="semitone"):
        adapter.validate_python({"name": "pitch_shift", "semitone": [0, 1]})


def test_polarity_and_flip() -> None:
    clips = noise(2)
    assert torch.equal(Polarity(probability=1)(clips, seeded()) + clips, torch.zeros_like(clips))
    assert np.array_equal(FlipSamples(probability=1)(clips, seeded()).numpy(), clips.numpy()[:, ::-1])


def test_noise_has_its_ratio_and_is_white() -> None:
    clips = torch.cat([tone(440), 0.01 * tone(3000)]).repeat(30, 1)
    added = Noise(probability=1)(clips, seeded()) - clips
    ratios = level(clips) - level(added)
    assert ratios.min() > 39.9
    assert ratios.max() < 80.1
    assert ratios.min() < 42
    fixed = Noise(probability=1, ratio=(0.01, 0.01))(clips, seeded()) - clips
    assert torch.allclose(level(clips) - level(fixed), torch.tensor(40.0).double(), atol=0.2)
    halves = np.abs(np.fft.rfft(fixed.numpy())) ** 2
    middle = halves.shape[1] // 2
    assert halves[:, :middle].sum() == pytest.approx(halves[:, middle:].sum(), rel=0.01)


def test_gain_in_decibels() -> None:
    clips = noise(300, 500)
    change = (level(Gain(probability=1)(clips, seeded())) - level(clips)).numpy()
    assert change.min() > -20.001
    assert change.max() < -0.999
    assert np.quantile(change, [0.25, 0.5, 0.75]) == pytest.approx([-15.25, -10.5, -5.75], abs=1.5)


def impulse(samples: int = 4001, place: int = 2000) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor([place]), samples).float()


@pytest.mark.parametrize("cutoff", [200.0, 1200.0, 2200.0, 4000.0])
def test_filters_are_scipys_windowed_sinc(cutoff: float) -> None:
    change = HighLowPass(probability=1, low_pass=(cutoff, cutoff), high_pass=(cutoff, cutoff))
    half = int(4 * RATE / cutoff)
    taps = signal.firwin(2 * half + 1, cutoff, window="hann", fs=RATE)
    low = np.pad(taps, 2000 - half)
    kinds = set()
    for row in change(impulse().repeat(16, 1), seeded()).double().numpy():
        is_low = row.sum() > 0.5
        kinds.add(bool(is_low))
        assert np.abs(row - (low if is_low else impulse().numpy()[0] - low)).max() < 1e-6
    assert kinds == {True, False}


def test_filters_pass_and_stop_tones() -> None:
    change = HighLowPass(probability=1, low_pass=(3000.0, 3000.0), high_pass=(600.0, 600.0))
    tones = torch.cat([tone(f, RATE) for f in (100, 300, 600, 1500, 3000, 6000, 9000)])
    for seed in range(8):
        inner = slice(2000, -2000)
        both = [change(row[None], seeded(seed)) for row in tones]
        gains = level(torch.cat(both)[:, inner]) - level(tones[:, inner])
        expected = [0, 0, 0, 0, -6, -60, -60] if gains[0] > -1 else [-60, -50, -6, 0, 0, 0, 0]
        for gain, wanted in zip(gains.tolist(), expected, strict=True):
            assert gain < wanted if wanted < -10 else gain == pytest.approx(wanted, abs=0.3)


def test_delay_seen_in_the_response() -> None:
    change = Delay(probability=1)
    responses = change(impulse(12000, 100).repeat(80, 1), seeded())
    assert torch.all(responses[:, 100] == 0.5)
    echoes = responses[:, 101:].argmax(1) + 1
    assert set(echoes.tolist()) == {int(ms * 22.05) for ms in range(200, 501, 50)}
    assert torch.all(responses.sum(1) == 0.75)


def test_delay_seen_in_the_autocorrelation() -> None:
    change = Delay(probability=1, milliseconds=(250,), sample_rate=16000)
    clip = change(noise(1, 32000), seeded())[0].numpy()
    correlation = signal.correlate(clip, clip, "full", "fft")[31999:] / (clip**2).sum()
    assert correlation[1000:].argmax() + 1000 == 4000
    assert correlation[4000] == pytest.approx(0.5 / 1.25 * 28000 / 32000, abs=0.04)


def freeverb(sound: Samples, feedback: float, damping: float, scale: float, rate: int) -> Samples:
    """Sox's reverberation, sample by sample."""
    total = np.zeros(len(sound))
    for length in (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617):
        size = int(scale * rate / 44100 * length + 0.5)
        buffer, store = [0.0] * size, 0.0
        for n, value in enumerate(sound):
            out = buffer[n % size]
            store = out + (store - out) * damping
            buffer[n % size] = value + store * feedback
            total[n] += out
    for length in (225, 341, 441, 556):
        size = int(rate / 44100 * length + 0.5)
        buffer = [0.0] * size
        for n, value in enumerate(total):
            out = buffer[n % size]
            buffer[n % size] = value + out * 0.5
            total[n] = out - value
    return total


@pytest.mark.parametrize(
    ("reverberance", "damping", "room", "feedback", "coefficient", "scale"),
    [(0, 0, 0, 0.3, 0.2, 0.1), (100, 100, 100, 0.98, 0.5, 1.0), (50, 50, 50, 1 - 0.014**0.5, 0.35, 0.55)],
)
def test_reverb_is_soxs(
    reverberance: float, damping: float, room: float, feedback: float, coefficient: float, scale: float
) -> None:
    sound = noise(1, 9000)
    change = Reverb(
        probability=1,
        reverberance=(reverberance, reverberance),
        damping=(damping, damping),
        room_size=(room, room),
        sample_rate=16000,
    )
    wet = (change(sound, seeded()) - sound)[0].numpy()
    expected = 0.015 * freeverb(sound[0].double().numpy(), feedback, coefficient, scale, 16000)
    assert np.abs(wet - expected).max() < 3e-3 * np.abs(expected).max()


def test_reverb_decays_as_its_combs_do() -> None:
    settings = {"reverberance": (70.0, 70.0), "damping": (0.0, 0.0), "room_size": (100.0, 100.0)}
    change = Reverb(probability=1, **settings)
    tail = change(impulse(3 * RATE, 0), seeded())[0, 1:].double().numpy()
    low = signal.sosfiltfilt(signal.butter(4, 500, fs=RATE, output="sos"), tail)
    remaining = 10 * np.log10(np.cumsum(low[::-1] ** 2)[::-1])
    first, last = (int(np.argmax(remaining < remaining[0] - drop)) for drop in (5, 25))
    measured = (last - first) / RATE * 3
    feedback = 1 - 0.7 * (0.02 / 0.7) ** 0.7
    loops = [-3 * length / 44100 / np.log10(feedback) for length in (1116, 1617)]
    assert loops[0] < measured < loops[1]


def test_mixup_shares() -> None:
    clips = torch.eye(50)
    mixed = Mixup(probability=1)(clips, seeded())
    assert torch.allclose(mixed.sum(1), torch.ones(50))
    own = mixed.diagonal()
    assert own.min() >= 0.5
    assert float(own.mean()) == pytest.approx(0.75, abs=0.08)
    others = (mixed - torch.diag(own) > 0).sum(1)
    assert set(others.tolist()) <= {0, 1}
    assert len(set(mixed.argsort(1)[:, -2].tolist())) > 15


@pytest.mark.parametrize("semitones", [-7.0, -2.5, 0.0, 3.0, 7.0])
@pytest.mark.parametrize("frequency", [220.0, 1000.0, 3000.0])
def test_pitch_of_a_tone(semitones: float, frequency: float) -> None:
    clip = tone(frequency)
    shifted = PitchShift(probability=1, semitones=(semitones, semitones))(clip, seeded())[0]
    assert peak_frequency(shifted) == pytest.approx(frequency * 2 ** (semitones / 12), rel=0.002)
    inner = slice(4096, -4096)
    assert float(level(shifted[None, inner]) - level(clip[:, inner])) == pytest.approx(0, abs=1)


def test_no_pitch_shift_is_the_clip_but_for_interpolation() -> None:
    clip = tone(440)
    kept = PitchShift(probability=1, semitones=(0.0, 0.0))(clip, seeded())
    assert (kept - clip)[:, 2048:-2048].abs().max() < 1e-4
    stretched = TimeStretch(probability=1, rate=(1.0, 1.0))(clip, seeded())
    assert (stretched - clip)[:, :-2048].abs().max() < 1e-4


def swelling(begin: int, end: int) -> Tensor:
    """A tone that comes and goes."""
    clip = torch.zeros(1, 2 * RATE)
    clip[:, begin:end] = tone(440)[:, begin:end] * torch.hann_window(end - begin)
    return clip


def centre(clip: Tensor) -> float:
    power = clip[0].double() ** 2
    return float((power * torch.arange(len(power))).sum() / power.sum())


@pytest.mark.parametrize("semitones", [-7.0, 7.0])
def test_pitch_shift_keeps_the_place_of_sounds(semitones: float) -> None:
    clip = swelling(16000, 32000)
    shifted = PitchShift(probability=1, semitones=(semitones, semitones))(clip, seeded())
    assert centre(shifted) == pytest.approx(24000, abs=512)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 2.0])
def test_phase_vocoder_is_librosas(rate: float) -> None:
    librosa = pytest.importorskip("librosa", reason="the benchmark extra is not installed")
    clips = noise(2, 20000).double()
    spectra = torch.stft(clips, 2048, 512, window=torch.hann_window(2048).double(), return_complex=True)
    expected = librosa.phase_vocoder(spectra[1].numpy(), rate=rate, hop_length=512)
    ours = advanced(spectra, torch.tensor([3.0, rate], dtype=torch.float64), expected.shape[1])[1].numpy()
    assert np.abs(ours - expected).max() < 1e-9 * np.abs(expected).max()


def test_pitch_that_leaves_the_band_does_not_fold_back() -> None:
    shifted = PitchShift(probability=1, semitones=(7.0, 7.0))(tone(8500), seeded())
    assert float(level(shifted[:, 4096:-4096]) - level(tone(8500))) < -30


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_stretch_keeps_pitch_and_moves_sounds(rate: float) -> None:
    clip = swelling(10000, 26000)
    stretched = TimeStretch(probability=1, rate=(rate, rate))(clip, seeded())
    assert centre(stretched) == pytest.approx(18000 / rate, abs=512)
    assert float(level(stretched) - level(clip)) == pytest.approx(-10 * np.log10(rate), abs=1)
    assert peak_frequency(stretched[0]) == pytest.approx(440, rel=0.002)


def test_stretched_to_less_than_the_clip_ends_in_silence() -> None:
    stretched = TimeStretch(probability=1, rate=(1.25, 1.25))(tone(440), seeded())[0]
    end = int(len(stretched) / 1.25)
    assert stretched[end + 2048 :].abs().max() < 1e-5
    assert stretched[end - 4096 : end - 2048].abs().max() > 0.2


def test_crop_pad_moves_and_fills_with_silence() -> None:
    clips = torch.arange(1.0, 101.0).repeat(400, 1)
    moved = CropPad(probability=1)(clips, seeded())
    offsets = set()
    for row in moved.numpy():
        offset = int(np.argmax(row > 0) - row[np.argmax(row > 0)] + 1)
        offsets.add(offset)
        expected = np.zeros(100)
        expected[max(offset, 0) : 100 + min(offset, 0)] = np.arange(1, 101)[max(-offset, 0) : 100 - max(offset, 0)]
        assert np.array_equal(row, expected)
    assert offsets >= set(range(-19, 20))
    assert offsets <= set(range(-20, 21))


def test_fast_lengths() -> None:
    good = sorted({odd * 2**k for odd in (1, 3, 5, 9, 15) for k in range(18)})
    for least in (1, 7, 97, 1000, 59049, 60000, 65537):
        assert fast_length(least) == next(n for n in good if n >= least)
