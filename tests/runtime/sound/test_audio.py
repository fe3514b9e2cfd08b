from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from musicfeat.errors import AudioError, InputError
from musicfeat.sound.audio import blocks, load
from musicfeat.sound.mp3 import seconds_of_frames
from musicfeat.sound.waveform import check_rate, ends, resample, to_mono
from support.coded import write_coded
from support.mutants import without_length_header

FORMATS = {"wav": "PCM_16", "flac": "PCM_24", "ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}


def write(path: Path, wave: np.ndarray, rate: int, suffix: str) -> Path:
    path = path / f"clip.{suffix}"
    container = {"opus": "OGG"}.get(suffix)
    soundfile.write(path, wave, 48000 if suffix == "opus" else rate, FORMATS[suffix], format=container)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_decodes_to_the_same_sound(suffix: str, tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    wave = clip[: 5 * rate]
    at_48k = soxr.resample(wave, rate, 48000) if suffix == "opus" else wave
    decoded = load(write(tmp_path, at_48k, rate, suffix), rate=22050)
    expected = soxr.resample(wave, rate, 22050)
    assert decoded.dtype == np.float32
    assert abs(len(decoded) - len(expected)) <= 1200  # mp3 may keep the coder's padding
    length = min(len(decoded), len(expected))
    assert np.corrcoef(decoded[:length], expected[:length])[0, 1] > 0.99


def test_lossless_wav_is_exact(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-1, 1, 30000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", wave, 22050, "FLOAT")
    np.testing.assert_array_equal(load(tmp_path / "a.wav", rate=22050), wave)


@pytest.mark.parametrize("length", [5, 20, 21, 100])
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_ends_of_a_long_waveform(length: int, block: int) -> None:
    wave = np.arange(length, dtype=np.float32)
    found = ends([wave[i : i + block] for i in range(0, length, block)], 10)
    np.testing.assert_array_equal(found[:10], wave[:10])
    np.testing.assert_array_equal(found[-10:], wave[-10:])
    assert len(found) == min(length, 20)


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.random.default_rng(1).uniform(-1, 1, (2, 3000)).astype(np.float32)
    np.testing.assert_allclose(to_mono(stereo), stereo.mean(0), atol=1e-7)
    soundfile.write(tmp_path / "a.wav", stereo.T, 22050, "FLOAT")
    np.testing.assert_allclose(load(tmp_path / "a.wav", rate=22050), stereo.mean(0), atol=1e-7)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float64, np.float16])
def test_sample_formats_agree(dtype: type) -> None:
    wave = np.random.default_rng(2).uniform(-0.9, 0.9, 4000)
    scale = -float(np.iinfo(dtype).min) if np.issubdtype(dtype, np.integer) else 1.0
    np.testing.assert_allclose(to_mono((wave * scale).astype(dtype)), wave, atol=5e-4)


@pytest.mark.parametrize("size", [1, 7, 1000, 44100])
def test_resampling_does_not_depend_on_how_the_sound_is_cut(size: int) -> None:
    wave = np.random.default_rng(3).standard_normal(20000).astype(np.float32)
    pieces = [wave[i : i + size] for i in range(0, len(wave), size)]
    whole = np.concatenate(list(resample([wave], 44100, 22050)))
    np.testing.assert_allclose(np.concatenate(list(resample(pieces, 44100, 22050))), whole, atol=1e-6)
    np.testing.assert_allclose(whole, soxr.resample(wave, 44100, 22050), atol=1e-6)


@pytest.mark.parametrize("sr", [8000, 32000, 44100, 44101, 48000, 88200])
def test_the_first_samples_are_those_that_follow_silence(sr: int) -> None:
    """soxr alone gives 0.20915 where 0.21593 is right, for a sound that begins at once."""
    sound, before = np.full(sr, 0.3, np.float32), np.zeros(3 * sr, np.float32)
    expected = soxr.resample(np.concatenate([before, sound]), sr, 22050)[3 * 22050 :]
    np.testing.assert_allclose(np.concatenate(list(resample([sound], sr, 22050))), expected, atol=2e-6)


def test_a_sample_never_rounds_to_none() -> None:
    assert len(load(np.ones(1), 192000, rate=16000)) == 1


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(0), "empty"),
        (np.zeros((2, 0)), "empty"),
        (np.zeros((2, 3, 4)), "shape"),
        (np.zeros(()), "shape"),
        (np.zeros((44100, 2)), r"audio\.T"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([0.0, np.inf]), "NaN or infinite"),
        (np.zeros(10, dtype=np.uint8), "uint8"),
        (np.zeros(10, dtype=np.int64), "full scale"),
        ({"array": np.zeros(10), "sampling_rate": 22050}, "samples of one recording"),
        (np.zeros(10, dtype=bool), "bool"),
        (np.array(["a"]), "float"),
        ([[0.0], "x"], "array"),
    ],
)
def test_unusable_arrays_are_refused_in_words(array: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        to_mono(array)


@pytest.mark.parametrize("sr", [None, 0, -44100, 1e9, 22050.5, np.nan, np.inf, "44100", True, 10])
def test_unusable_rates_are_refused(sr: object) -> None:
    with pytest.raises(InputError, match="sr"):
        check_rate(sr)  # type: ignore[arg-type]


def test_a_rate_beside_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave sr out"):
        load(tmp_path / "a.wav", 44100, rate=22050)


def bad_files(folder: Path, clip: np.ndarray, rate: int) -> dict[str, Path]:
    mp3 = write(folder, clip, rate, "mp3").read_bytes()
    wav = write(folder, clip, rate, "wav").read_bytes()
    flac = write(folder, clip, rate, "flac").read_bytes()
    contents = {
        "text.wav": b"this is not audio, whatever its name says\n" * 50,
        "zero.wav": b"",
        "truncated.mp3": mp3[: len(mp3) // 2],
        "stub.mp3": mp3[:100],
        "truncated.flac": flac[: len(flac) // 2],
        "truncated.wav": wav[: len(wav) // 2],
        "slow.wav": wav[:24] + (1).to_bytes(4, "little") + wav[28:],
        "fast.wav": wav[:24] + (2_000_000_000).to_bytes(4, "little") + wav[28:],
        "noise.ogg": np.random.default_rng(4).bytes(5000),
        "header.wav": b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00\x88X\x01\x00"
        b"\x02\x00\x10\x00data\x00\x00\x00\x00",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    soundfile.write(folder / "nan.wav", np.full(1000, np.nan, dtype=np.float32), 22050, "FLOAT")
    return {name: folder / name for name in [*contents, "nan.wav", "missing.wav", "."]}


def test_mp3_without_a_length_header(
    tmp_path: Path, clip: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libsndfile guesses: too little for a varying bit rate, too much with a picture in front."""
    wave = clip[: 10 * rate].copy()
    wave[: 5 * rate] *= np.linspace(0, 1e-3, 5 * rate)
    picture = b"ID3\x03\0\0" + bytes([0, 0x12, 0x27, 0x60]) + bytes(0x12 << 14 | 0x27 << 7 | 0x60)
    for mode in ("CONSTANT", "VARIABLE"):
        soundfile.write(tmp_path / "a.mp3", wave, rate, bitrate_mode=mode, compression_level=0.5)
        bare = without_length_header((tmp_path / "a.mp3").read_bytes())
        for content in (bare, picture + bare):
            (tmp_path / "b.mp3").write_bytes(content)
            assert seconds_of_frames(tmp_path / "b.mp3") == pytest.approx(10, abs=0.2)
            assert len(load(tmp_path / "b.mp3", rate=22050)) == pytest.approx(220500, abs=4000)
            with monkeypatch.context() as without:
                without.setitem(sys.modules, "av", None)
                found = seconds_or_refusal(tmp_path / "b.mp3")
            # Never a part of the sound without a word.
            assert "musicfeat[codecs]" in found if isinstance(found, str) else found == pytest.approx(10, abs=0.25)


def seconds_or_refusal(path: Path) -> float | str:
    try:
        return len(load(path, rate=22050)) / 22050
    except AudioError as error:
        return str(error)


def test_bad_files_are_audio_errors(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    for name, path in bad_files(tmp_path, clip[: 8 * rate], rate).items():
        with pytest.raises(AudioError) as caught:
            load(path, rate=22050)
        assert str(path) in str(caught.value), name


def test_unreadable_names_are_audio_errors() -> None:
    for path in ("a\0b.wav", "x" * 5000):
        with pytest.raises(AudioError):
            load(path, rate=22050)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_are_not_unicode_are_decoded(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(100), 22050)
    odd = tmp_path / os.fsdecode(b"caf\xe9 \n.wav")
    (tmp_path / "a.wav").rename(odd)
    assert len(load(odd, rate=22050)) == 100


def test_a_file_is_decoded_in_small_blocks(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(22050 * 60, dtype=np.int16), 22050)
    assert max(len(block) for block in blocks(tmp_path / "long.wav", rate=22050)) <= 1 << 16


def test_without_the_optional_decoder_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(2000))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"musicfeat\[codecs\]"):
        load(tmp_path / "clip.m4a", rate=22050)


def test_m4a_through_the_optional_decoder(tmp_path: Path, clip: np.ndarray, rate: int) -> None:
    path = write_coded(tmp_path / "clip.m4a", clip[: 5 * rate], rate=rate)
    decoded, expected = load(path, rate=22050), soxr.resample(clip[: 5 * rate], rate, 22050)
    lags = [np.corrcoef(decoded[s : s + 90000], expected[:90000])[0, 1] for s in (0, 512, 1024)]
    assert max(lags) > 0.99
