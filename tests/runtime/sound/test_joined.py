"""Files that are joined, cut short, never closed or damaged, in every format: all of the sound, or words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from musicfeat import AudioError
from musicfeat.sound.audio import decoded
from support.coded import encoded, write_coded

SECONDS = 10
FORMATS = ("wav", "aiff", "au", "caf", "w64", "rf64", "flac")


@pytest.fixture(scope="module")
def wave(clip: np.ndarray, rate: int) -> np.ndarray:
    return clip[: SECONDS * rate]


def heard(path: Path, data: bytes) -> tuple[np.ndarray, float]:
    """Samples at the file's own rate, and the seconds lost."""
    path.write_bytes(data)
    sound = decoded(path)
    return np.concatenate(list(sound.blocks)), sound.loss.seconds


def kept(path: Path, wave: np.ndarray, rate: int) -> bytes:
    """A file in which every sample of 16 bits is kept."""
    codecs = {"tta": "tta", "wv": "wavpack", "flv": "pcm_s16le"}
    codec = codecs.get(path.suffix[1:])
    if codec is None:
        return encoded(wave, rate, None, path.suffix[1:])
    form = "s16p" if codec == "wavpack" else "s16"
    return write_coded(path, wave, rate=rate, codec=codec, form=form).read_bytes()


@pytest.mark.parametrize("suffix", [*sorted(FORMATS), "tta", "wv", "flv"])
def test_every_part_of_a_joined_file_is_heard(suffix: str, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    if suffix == "flac":
        pytest.importorskip("av", reason="the codecs extra is not installed")
    lengths = (len(wave), 3 * rate, 2 * rate - 1)
    data = [kept(tmp_path / f"a.{suffix}", wave[:length], rate) for length in lengths]
    sound, lost = heard(tmp_path / f"b.{suffix}", b"".join(data))
    np.testing.assert_allclose(sound, np.concatenate([wave[:length] for length in lengths]), atol=2 / 32768)
    assert lost == 0


@pytest.mark.parametrize("first", sorted({*FORMATS} - {"flac"}))
@pytest.mark.parametrize("second", ["wav", "caf"])
def test_joined_parts_may_differ_in_format_and_rate(
    first: str, second: str, tmp_path: Path, wave: np.ndarray, rate: int
) -> None:
    data = encoded(wave, rate, None, first) + b"TAG" + bytes(125)
    sound, _ = heard(tmp_path / "b.bin", data + encoded(wave, rate // 2, None, second))
    assert len(sound) == pytest.approx(3 * len(wave), abs=2)
    np.testing.assert_allclose(sound[: len(wave)], wave, atol=1 / 32768)


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW"])
def test_joined_ircam_files_which_declare_no_length(
    endian: str, subtype: str, tmp_path: Path, wave: np.ndarray, rate: int
) -> None:
    soundfile.write(tmp_path / "a.ircam", wave, rate, subtype, endian, "IRCAM")
    data = (tmp_path / "a.ircam").read_bytes()
    sound, _ = heard(tmp_path / "b.ircam", data * 3)
    np.testing.assert_allclose(sound, np.tile(wave, 3), atol=0.02 if subtype == "ULAW" else 1 / 32768)
    sound, _ = heard(tmp_path / "c.wav", encoded(wave, rate, None, "wav") + data)
    assert len(sound) == 2 * len(wave)


@pytest.mark.parametrize(("suffix", "mark", "offset", "size"), [
    ("wav", b"RIFF", 4, b"\xff" * 4), ("wav", b"RIFF", 4, bytes(4)), ("wav", b"RIFF", 4, b"\0\xf0\xff\x7f"),
    ("au", b".snd", 8, b"\xff" * 4), ("caf", b"data", 4, b"\xff" * 8),
])  # fmt: skip
def test_joined_parts_that_were_written_to_a_pipe(
    suffix: str, mark: bytes, offset: int, size: bytes, tmp_path: Path, wave: np.ndarray, rate: int
) -> None:
    data = bytearray(encoded(wave, rate, None, suffix))
    marks = (mark, b"data") if suffix == "wav" else (mark,)
    for place in (data.index(name) + offset for name in marks):
        data[place : place + len(size)] = size
    sound, _ = heard(tmp_path / f"b.{suffix}", bytes(data * 3))
    np.testing.assert_allclose(sound, np.tile(wave, 3), atol=1 / 32768)


@pytest.mark.parametrize("suffix", sorted({*FORMATS} - {"flac"}))
def test_half_a_file_in_front_of_another_is_refused(suffix: str, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave, rate, None, suffix)
    with pytest.raises(AudioError, match=r"b\.\w+ \(recording 1 of 2\) is truncated"):
        heard(tmp_path / f"b.{suffix}", data[: len(data) // 2] + data)
    with pytest.raises(AudioError, match=r"b\.\w+ \(recording 2 of 2\) is truncated"):
        heard(tmp_path / f"b.{suffix}", data + data[: len(data) // 2])


def test_many_joined_parts_take_one_open_file_at_a_time(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave[: rate // 4], rate, None, "ogg")
    (tmp_path / "b.ogg").write_bytes(data * 300)
    most = 0
    for _ in decoded(tmp_path / "b.ogg").blocks:
        most = max(most, sum(file.path.endswith("b.ogg") for file in psutil.Process().open_files()))
    assert most <= 2


def test_joined_mp4_is_refused(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    with pytest.raises(AudioError, match="2 recordings joined"):
        heard(tmp_path / "b.m4a", write_coded(tmp_path / "a.m4a", wave, rate=rate).read_bytes() * 2)


@pytest.mark.parametrize("with_codecs", [True, False])
def test_a_tag_behind_a_flac_is_no_damage(
    with_codecs: bool, tmp_path: Path, wave: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_codecs:
        monkeypatch.setitem(sys.modules, "av", None)
    data = encoded(wave, rate, None, "flac")
    tagged = b"ID3\4\0\0\0\0\1\0" + bytes(128) + data + b"TAG" + bytes(125)
    sound, lost = heard(tmp_path / "b.flac", tagged)
    np.testing.assert_allclose(sound, wave, atol=1 / 32768)
    assert lost == 0


def test_damage_in_a_flac_is_skipped_and_counted(
    tmp_path: Path, wave: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av", reason="the codecs extra is not installed")
    data = bytearray(encoded(wave, rate, None, "flac"))
    place = len(data) // 2
    data[place : place + 40] = b"\x55" * 40
    sound, lost = heard(tmp_path / "b.flac", bytes(data))
    assert 0.05 < lost < 0.3
    assert len(sound) / rate + lost == pytest.approx(SECONDS)
    cut = len(sound) // 3  # in front of the damage and behind it each sample is as it was
    np.testing.assert_allclose(sound[:cut], wave[:cut], atol=1 / 32768)
    np.testing.assert_allclose(sound[-cut:], wave[-cut:], atol=1 / 32768)
    with pytest.raises(AudioError, match="at most 5%"):
        heard(tmp_path / "b.flac", bytes(data[:place] + data[place * 5 // 4 :]))
    with pytest.raises(AudioError, match="truncated"):
        heard(tmp_path / "b.flac", bytes(data[: place * 3 // 2]))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match="damaged after"):
        heard(tmp_path / "b.flac", bytes(data))


def test_sound_behind_the_length_that_a_flac_declares(
    tmp_path: Path, wave: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av", reason="the codecs extra is not installed")
    data = encoded(wave, rate, None, "flac")
    head, total = data[:18], int.from_bytes(data[18:26])
    for samples in (1, len(wave) // 2, len(wave) - 5000):
        short = head + (total >> 36 << 36 | samples).to_bytes(8) + data[26:]
        np.testing.assert_allclose(heard(tmp_path / "b.flac", short)[0], wave, atol=1 / 32768)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match="more sound than it declares"):
        heard(tmp_path / "b.flac", short)
    assert len(heard(tmp_path / "a.flac", data)[0]) == len(wave)


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_damage_in_a_lossy_file_is_counted(suffix: str, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = bytearray(encoded(np.tile(wave, 5), rate, None, suffix))
    place = len(data) // 2
    data[place : place + 3000] = np.random.default_rng(0).bytes(3000)
    sound, lost = heard(tmp_path / f"b.{suffix}", bytes(data))
    assert 0.05 < lost < 0.05 * 5 * SECONDS
    assert len(sound) / rate + lost == pytest.approx(5 * SECONDS, abs=0.1)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_half_a_file_is_refused(suffix: str, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave, rate, None, suffix)
    with pytest.raises(AudioError, match=r"truncated|damaged"):
        heard(tmp_path / f"b.{suffix}", data[: len(data) // 2])


def test_odd_chunks_without_padding_are_passed(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave, rate, None, "wav")
    place = data.index(b"data")
    expected, _ = heard(tmp_path / "a.wav", data)
    for chunk in (b"bext\3\0\0\0abc", b"axml\5\0\0\0<a/>\nLIST\5\0\0\0INFOa", b"bext\3\0\0\0abc\0"):
        sound, _ = heard(tmp_path / "b.wav", data[:place] + chunk + data[place:])
        np.testing.assert_array_equal(sound, expected)


def test_chunks_behind_the_sound_of_a_w64_are_passed(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave[:-3], rate, None, "w64")
    name = data[data.index(b"data") + 4 :][:12]  # all chunks' names end alike
    data += bytes(-len(data) % 8) + b"levl" + name + (24 + 999).to_bytes(8, "little") + b"\x55" * 999
    sound, _ = heard(tmp_path / "b.w64", data[:16] + len(data).to_bytes(8, "little") + data[24:])
    np.testing.assert_allclose(sound, wave[:-3], atol=1 / 32768)


@pytest.mark.parametrize("size", [0x7FFFF000, 0x7FFFEFFC, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDB])
def test_a_wav_written_to_a_pipe(size: int, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave, rate, None, "wav")
    place = data.index(b"data") + 4
    sound, _ = heard(tmp_path / "b.wav", data[:place] + size.to_bytes(4, "little") + data[place + 4 :])
    assert len(sound) == len(wave)


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
def test_an_rf64_that_was_never_closed(name: bytes, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    data = encoded(wave, rate, None, "rf64")
    sizes = data.index(b"ds64") + 8
    sound, _ = heard(tmp_path / "b.wav", name + data[4:sizes] + bytes(24) + data[sizes + 24 :])
    np.testing.assert_array_equal(sound, heard(tmp_path / "a.rf64", data)[0])
