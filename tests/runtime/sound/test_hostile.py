"""Whatever is handed over, what comes out is as promised, or an error that says what was wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from musicfeat import AudioError, Extractor, InputError, MusicfeatError
from musicfeat.sound.audio import load
from musicfeat.sound.mp3 import seconds_of_frames
from musicfeat.sound.waveform import MAX_RATE, MIN_RATE, check_rate, resample, to_mono
from musicfeat.sound.windows import cut, pooling_weights
from support.coded import write_coded
from support.decoding import DECODED, REFUSED, decode_in_children
from support.mutants import mutate, write_mutants, write_seeds

MUTANTS = 540
"""Twenty of every format; ``benchmarks/hostile.py`` decodes more."""

DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.int16, np.int32]).map(np.dtype)
RATES = st.integers(MIN_RATE, MAX_RATE)
PLACES = st.lists(st.floats(0, 1), max_size=12)
HUGE = np.array([1, -1, -1, 1, 1, 1, -1], dtype=np.float32) * np.finfo(np.float32).max

pytestmark = pytest.mark.filterwarnings("error")
always_alike = settings(deadline=None, derandomize=True, database=None)


def in_blocks(wave: np.ndarray, places: Sequence[float]) -> list[np.ndarray]:
    """Cut at places from 0 to 1; where two agree, a piece is empty."""
    edges = sorted(round(place * len(wave)) for place in places)
    return [wave[a:b] for a, b in pairwise([0, *edges, len(wave)])]


@always_alike
@given(arrays(DTYPES | scalar_dtypes(), array_shapes(min_dims=0, max_dims=4, min_side=0)))
@example(np.full((3, 2), 1.7e308))
@example(np.array([[np.inf], [-np.inf]]))
@example(np.array([[HUGE[0]], [HUGE[0]]]))
def test_any_array_becomes_sound_or_is_refused(array: np.ndarray) -> None:
    try:
        mono = to_mono(array)
    except MusicfeatError:
        return
    scale = -float(np.iinfo(array.dtype).min) if np.issubdtype(array.dtype, np.integer) else 1.0
    channels = np.atleast_2d(array).astype(np.float64) / scale
    assert mono.dtype == np.float32
    assert mono.shape == array.shape[-1:]
    np.testing.assert_allclose(mono, channels.mean(axis=0), rtol=1e-6, atol=1e-6 * np.abs(channels).max() + 1e-44)


@always_alike
@given(RATES | st.integers() | st.floats() | st.none() | st.booleans() | st.text())
def test_any_rate_is_a_whole_number_or_refused(rate: object) -> None:
    try:
        whole = check_rate(rate)  # type: ignore[arg-type]
    except InputError:
        return
    assert MIN_RATE <= whole == rate <= MAX_RATE


@settings(always_alike, max_examples=50)
@given(DTYPES.flatmap(lambda dtype: arrays(dtype, array_shapes(max_dims=2, max_side=300))), RATES, st.integers(1, 99))
@example(HUGE, 44100, 999)
@example(HUGE, 22050, 999)
@example(HUGE * np.float32(1e-9), 44100, 999)
@example(np.array([1, -1, 0], dtype=np.float32) * np.float32(1e-44), 44100, 999)
def test_features_of_any_sound_are_in_range(extractor: Extractor, array: np.ndarray, rate: int, repeats: int) -> None:
    sound = np.tile(array, repeats)
    try:
        features = extractor(sound, sr=rate)
    except MusicfeatError:
        return
    assert features.duration == pytest.approx(sound.shape[-1] / rate, abs=2 / extractor.card.sample_rate)
    assert features.weights.sum() == pytest.approx(1)
    assert np.isfinite(features.embeddings).all()
    for probabilities in (features.reversal, features.jigsaw, features.tag_curve, features.reversed):
        assert np.min(probabilities) >= 0
        assert np.max(probabilities) <= 1


@always_alike
@given(st.integers(1, 400), st.integers(1, 90), st.floats(0, 1), PLACES)
def test_windows_hold_every_sample_however_it_comes(length: int, size: int, hop: float, places: list[float]) -> None:
    wave, step = np.arange(1, length + 1, dtype=np.float32), max(1, round(hop * size))
    windows = list(cut(in_blocks(wave, places), size, step))
    ends = [window.start + window.valid for window in windows]
    assert [window.start for window in windows] == [i * step for i in range(len(windows))]
    assert all(window.valid == size for window in windows[:-1])
    assert ends[-1] == length
    assert all(end < length for end in ends[:-1])
    for window in windows:
        sound = wave[window.start : window.start + window.valid]
        np.testing.assert_array_equal(window.samples, np.pad(sound, (0, size - len(sound))))
    assert pooling_weights(np.array([window.valid for window in windows]), step).sum() == length


@settings(always_alike, max_examples=50)
@given(RATES, st.sampled_from([8000, 16000, 22050, 48000]), st.integers(1, 3000), PLACES)
def test_resampling_is_the_same_however_sound_comes(sr: int, rate: int, length: int, places: list[float]) -> None:
    wave = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    whole = np.concatenate(list(resample([wave], sr, rate)))
    cut_up = np.concatenate(list(resample(in_blocks(wave, places), sr, rate)))
    assert len(whole) == pytest.approx(max(1, length * rate / sr), abs=1)
    np.testing.assert_allclose(cut_up, whole, atol=1e-6)


def findings(paths: Sequence[Path]) -> list[str]:
    outcomes = list(decode_in_children(paths))
    assert len(outcomes) == len(paths)
    return [f"{path}: {outcome}" for path, outcome in outcomes if outcome not in (DECODED, REFUSED)]


def test_valid_files_of_every_format_are_decoded(tmp_path: Path) -> None:
    outcomes = dict(decode_in_children(write_seeds(tmp_path)))
    assert {path.name for path, outcome in outcomes.items() if outcome != DECODED} == set()
    assert {"wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf", "w64"} <= {path.suffix[1:] for path in outcomes}


def test_damaged_files_of_every_format_are_decoded_or_refused(tmp_path: Path) -> None:
    assert findings(write_mutants(tmp_path, MUTANTS, seed=0)) == []


@pytest.fixture
def surround(tmp_path: Path) -> Path:
    """Sixteen channels, of which only the first sounds."""
    sound = np.zeros((4800, 16), dtype=np.float32)
    sound[:, 0] = np.random.default_rng(0).uniform(-0.5, 0.5, 4800)
    stored = {"codec": "pcm_f32le", "form": "flt", "layout": "hexadecagonal", "format": "matroska"}
    return write_coded(tmp_path / "many: channels.mka", sound.ravel(), rate=48000, **stored)


def test_many_channels_are_averaged(surround: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(surround.parent)
    assert findings([Path(surround.name)]) == []
    expected = np.random.default_rng(0).uniform(-0.5, 0.5, 4800) / 16
    np.testing.assert_allclose(load(surround.name, rate=48000), expected, atol=1e-6)


def test_a_file_cannot_have_another_one_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.wav", np.ones(9999), 48000)
    (tmp_path / "list.wav").write_text("ffconcat version 1.0\nfile secret.wav\n")
    with pytest.raises(AudioError, match="not audio"):
        load(tmp_path / "list.wav", rate=22050)


@pytest.mark.parametrize("suffix", ["au", "snd", "vox", "gsm", "raw", "wav"])
def test_what_has_no_header_is_no_audio_whatever_its_name_says(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"notes.{suffix}").write_bytes(b"To play: with a light hand, and not too fast.\n" * 99)
    with pytest.raises(AudioError, match=r"not audio|holds no|cannot be decoded"):
        load(tmp_path / f"notes.{suffix}", rate=22050)


def test_a_flac_that_was_written_to_a_pipe(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the codecs extra is not installed")
    soundfile.write(tmp_path / "a.flac", np.zeros(99999, dtype=np.int16), 22050)
    (tmp_path / "b.flac").write_bytes(with_number(tmp_path / "a.flac", b"fLaC", *DECLARED["no samples of a flac"][2:]))
    assert len(load(tmp_path / "b.flac", rate=22050)) == 99999


def test_junk_in_an_mp3_is_skipped_in_few_calls(tmp_path: Path) -> None:
    mp3 = next(path for path in write_seeds(tmp_path) if path.stem == "mp3-without_length_header").read_bytes()
    (tmp_path / "junk.mp3").write_bytes(mp3 + b"\xff" * 20_000_000 + mp3)
    events: Counter[str] = Counter()
    sys.setprofile(lambda _, event, __: events.update([event]))
    try:
        seconds = seconds_of_frames(tmp_path / "junk.mp3")
    finally:
        sys.setprofile(None)
    assert seconds == pytest.approx(0.5, abs=0.1)
    assert events["call"] + events["c_call"] < 20_000


def with_number(seed: Path, mark: bytes, offset: int, number: bytes) -> bytes:
    """A valid file with bytes overwritten behind the place where it holds ``mark`` last."""
    data = seed.read_bytes()
    start = data.rindex(mark) + offset
    return data[:start] + number + data[start + len(number) :]


DECLARED = {
    "channels of a wav": ("wav-pcm_16.wav", b"fmt ", 10, b"\xff\xff"),
    "samples of a wav": ("wav-pcm_16.wav", b"data", 4, b"\xfe\xff\xff\x7f"),
    "block of an ADPCM wav": ("wav-ima_adpcm.wav", b"fmt ", 20, b"\xff\xff"),
    "channels of an aiff": ("aiff-pcm_16.aiff", b"COMM", 8, b"\x7f\xff"),
    "samples of an aiff": ("aiff-pcm_16.aiff", b"COMM", 10, b"\xff\xff\xff\xff"),
    "channels of an au": ("au-pcm_16.au", b".snd", 20, b"\x80\x00\x00\x00"),
    "samples of an au": ("au-pcm_16.au", b".snd", 8, b"\x7f\xff\xff\xff"),
    "channels of a caf": ("caf-pcm_16.caf", b"desc", 36, b"\x80\x00\x00\x00"),
    "samples of a caf": ("caf-pcm_16.caf", b"data", 4, b"\x7f" + b"\xff" * 7),
    "samples of a flac": ("flac-pcm_16.flac", b"fLaC", 21, b"\xff" * 5),
    "no samples of a flac": ("flac-pcm_16.flac", b"fLaC", 22, bytes(4)),
    "samples of an ogg": ("ogg-vorbis.ogg", b"OggS", 6, b"\xff" * 7 + b"\x7f"),
    "samples of an mp3": ("mp3-mpeg_layer_iii.mp3", b"Xing", 8, b"\x7f\xff\xff\xff"),
    "samples of a w64": ("w64-pcm_16.w64", b"data\xf3", 16, b"\xff" * 7 + b"\x7f"),
    "silence of a w64 without end": ("w64-gsm610.w64", b"data\xf3", 16, b"\x5d\x01" + bytes(5) + b"\x9a"),
}


def test_what_a_file_declares_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    seeds = {path.name: path for path in write_seeds(tmp_path / "seeds")}
    paths = []
    for name, (seed, *number) in DECLARED.items():
        paths.append(tmp_path / f"{name}{seeds[seed].suffix}")
        paths[-1].write_bytes(with_number(seeds[seed], *number))
    assert findings(paths) == []


def test_damage_is_drawn_from_its_seed() -> None:
    data = np.random.default_rng(0).bytes(3000)
    first, again, other = (mutate(data, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert data != first == again != other


def test_a_file_that_ends_the_process_is_named() -> None:
    paths = [Path(name) for name in ("good", "bad", "fine")]
    code = "import os, sys\nfor line in sys.stdin:\n  os.abort() if 'bad' in line else print('decoded', flush=True)"
    outcomes = dict(decode_in_children(paths, [sys.executable, "-c", code]))
    assert outcomes.pop(paths[1]).startswith("exit code")
    assert outcomes == dict.fromkeys([paths[0], paths[2]], DECODED)
