"""Sound from everywhere: files of other programs, arrays of other libraries; the right answer, or words."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import soxr

from musicfeat import AudioError, Extractor, InputError
from musicfeat.sound.audio import blocks, decoded, load, opened
from musicfeat.sound.names import FFMPEG, LIBSNDFILE, is_audio, is_hidden
from support.coded import write_coded
from support.mutants import without_length_header

RATE = 22050


@pytest.fixture(scope="module")
def wave(clip: np.ndarray, rate: int) -> np.ndarray:
    """Five seconds."""
    return clip[: 5 * rate]


def seconds(audio: object) -> float:
    return len(load(audio, rate=RATE)) / RATE  # type: ignore[arg-type]


def mp3(path: Path, wave: np.ndarray, rate: int) -> bytes:
    soundfile.write(path, wave, rate)
    return path.read_bytes()


@pytest.mark.parametrize("with_codecs", [True, False])
def test_mp3s_joined_end_to_end(
    with_codecs: bool, tmp_path: Path, wave: np.ndarray, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = mp3(tmp_path / "a.mp3", wave, rate)
    (tmp_path / "b.mp3").write_bytes(data + data + data)
    if with_codecs:
        pytest.importorskip("av", reason="the codecs extra is not installed")
        assert seconds(tmp_path / "b.mp3") == pytest.approx(15, abs=0.3)
    else:
        monkeypatch.setitem(sys.modules, "av", None)
        with pytest.raises(AudioError, match=r"15\.\d s are declared.*codecs"):
            load(tmp_path / "b.mp3", rate=RATE)


def test_tags_behind_an_mp3_are_no_sound(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    pytest.importorskip("av", reason="the codecs extra is not installed")
    data, junk = mp3(tmp_path / "a.mp3", wave, rate), np.random.default_rng(0).bytes(200_000)
    for content in (data + bytes(99_999), data + b"APETAGEX" + junk, without_length_header(data) + junk):
        (tmp_path / "b.mp3").write_bytes(content)
        sound = decoded(tmp_path / "b.mp3")
        assert sum(map(len, sound.blocks)) / sound.sr == pytest.approx(5, abs=0.2)
        assert sound.loss.seconds < 0.1


def test_a_wav_that_was_never_closed(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", wave, rate, "PCM_16")
    whole = (tmp_path / "a.wav").read_bytes()
    place = whole.index(b"data") + 4
    (tmp_path / "b.wav").write_bytes(whole[:4] + bytes(4) + whole[8:place] + bytes(4) + whole[place + 4 :])
    np.testing.assert_array_equal(load(tmp_path / "b.wav", rate=RATE), load(tmp_path / "a.wav", rate=RATE))
    # Without samples, but with other chunks, there is still no sound.
    (tmp_path / "c.wav").write_bytes(whole[:place] + bytes(4) + b"LIST\x04\0\0\0INFO")
    with pytest.raises(AudioError, match="no sound"):
        load(tmp_path / "c.wav", rate=RATE)


@pytest.mark.parametrize("second", [44100, 48000])
def test_every_link_of_a_chained_ogg_is_decoded(second: int, tmp_path: Path) -> None:
    data = b""
    for rate, note in ((44100, 440), (second, 880)):
        soundfile.write(tmp_path / "a.ogg", 0.3 * np.sin(2 * np.pi * note * np.arange(3 * rate) / rate), rate)
        data += (tmp_path / "a.ogg").read_bytes()
    (tmp_path / "b.ogg").write_bytes(data)
    sound = load(tmp_path / "b.ogg", rate=RATE)
    assert len(sound) == pytest.approx(6 * RATE, abs=200)
    peaks = [np.abs(np.fft.rfft(part[:RATE])).argmax() for part in (sound, sound[-RATE - 2000 :])]
    assert peaks == [440, 880]


@pytest.mark.parametrize("suffix", ["aac", "ts", "mkv", "m4a"])
def test_aac_in_every_container_has_its_length(suffix: str, tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    quiet = np.concatenate([wave * 1e-3, wave])  # so that a length by the mean bit rate would be wrong
    how = {"format": {"aac": "adts", "ts": "mpegts", "mkv": "matroska", "m4a": "mp4"}[suffix]}
    assert seconds(write_coded(tmp_path / f"a.{suffix}", quiet, rate=rate, **how)) == pytest.approx(10, abs=0.1)


def test_half_a_matroska_is_refused(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    path = write_coded(tmp_path / "a.mka", np.tile(wave, 4), rate=rate, format="matroska")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match="truncated"):
        load(path, rate=RATE)


def test_a_damaged_packet_is_counted_and_many_are_refused(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    path = write_coded(tmp_path / "a.aac", np.tile(wave, 4), rate=rate, format="adts")
    data = bytearray(path.read_bytes())
    frames, place = [], 0
    while place + 7 <= len(data):
        frames.append(place)
        place += (data[place + 3] & 3) << 11 | data[place + 4] << 3 | data[place + 5] >> 5
    for frame in frames[20:24]:
        data[frame + 7 : frame + 40] = b"\xff" * 33
    path.write_bytes(data)
    features = Extractor(threads=1, outputs=[])(path)
    assert 0 < features.lost < 0.5
    assert features.duration + features.lost == pytest.approx(20, abs=0.2)
    for frame in frames[30:90]:
        data[frame + 7 : frame + 40] = b"\xff" * 33
    path.write_bytes(data)
    with pytest.raises(AudioError, match="cannot be decoded beside"):
        load(path, rate=RATE)


def test_the_default_stream_is_heard(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    av = pytest.importorskip("av", reason="the codecs extra is not installed")
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        streams = [container.add_stream("pcm_s16le", rate=rate, layout="mono") for _ in range(2)]
        streams[0].disposition, streams[1].disposition = av.stream.Disposition(0), av.stream.Disposition.default
        for stream, gain in zip(streams, (0.25, 0.5), strict=True):
            sound = (gain * wave * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
            frame.sample_rate = rate
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    assert np.abs(load(path, rate=rate)).max() == pytest.approx(0.5 * np.abs(wave).max(), rel=0.01)


@pytest.mark.parametrize("channels", [2, 3, 6])
@pytest.mark.parametrize("kind", ["array", "int16", "file", "stream"])
def test_channels_that_cancel_do_not_vanish(
    channels: int, kind: str, tmp_path: Path, wave: np.ndarray, rate: int
) -> None:
    sound = np.zeros((channels, len(wave)), np.float32)
    sound[-2], sound[-1] = wave, -wave
    if kind == "file":
        soundfile.write(tmp_path / "a.wav", sound.T, rate, "FLOAT")
        found = load(tmp_path / "a.wav", rate=rate)
    elif kind == "stream":
        extractor = Extractor(threads=1, outputs=[])
        parts = list(extractor.stream(np.array_split(sound, 99, axis=1), rate))
        np.testing.assert_allclose(parts[0].embedding, extractor(wave, rate).embedding, atol=1e-4)
        return
    else:
        found = load((sound * 32767).astype(np.int16) if kind == "int16" else sound, rate, rate=rate)
    np.testing.assert_allclose(found, wave, atol=1e-3)


def test_ordinary_stereo_is_the_mean(wave: np.ndarray, rate: int) -> None:
    noise = np.random.default_rng(0).standard_normal((2, len(wave))).astype(np.float32)
    for sound in (noise, noise[:, ::2], np.stack([wave, -0.6 * wave]), np.stack([wave, 0 * wave])):
        np.testing.assert_allclose(load(sound, rate, rate=rate), sound.mean(0), atol=1e-6)


@pytest.mark.parametrize("shape", [(32, 2), (32, 1), (64, 8)])
def test_blocks_with_swapped_axes_are_refused(shape: tuple[int, int], extractor: Extractor) -> None:
    with pytest.raises(InputError, match=r"\.T"):
        list(extractor.stream((np.ones(shape, np.float32) for _ in range(9)), 22050))


def test_a_stream_keeps_its_channels(extractor: Extractor) -> None:
    for second in (np.ones((3, 100)), np.ones(100)):
        with pytest.raises(InputError, match="channels"):
            list(extractor.stream([np.ones((2, 100)), second], 22050))
    assert len(list(extractor.stream([np.ones((2, 100)), np.ones((2, 1))], 22050))) == 1


ARRAYS: dict[str, Callable[[np.ndarray], object]] = {
    "big-endian": lambda y: (y * 32767).astype(">i2"),
    "big-endian floats": lambda y: y.astype(">f4"),
    "every second": lambda y: np.repeat(y, 2)[::2],
    "columns": lambda y: np.asfortranarray(np.stack([y, y])),
    "read-only": lambda y: np.frombuffer(y.tobytes(), np.float32),
    "list": lambda y: y.tolist(),
    "long doubles": lambda y: y.astype(np.longdouble),
    "mask of nothing": lambda y: np.ma.masked_array(y, mask=False),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_every_make(kind: str, wave: np.ndarray, rate: int) -> None:
    np.testing.assert_allclose(load(ARRAYS[kind](wave), rate, rate=rate), wave, atol=1e-4)  # type: ignore[arg-type]


def test_tensors(wave: np.ndarray, rate: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    tensor = torch.from_numpy(wave)
    for sound in (tensor, tensor.clone().requires_grad_(), tensor.double(), tensor.half(), tensor.bfloat16()):
        np.testing.assert_allclose(load(sound, rate, rate=rate), wave, atol=0.01)
    np.testing.assert_array_equal(load(torch.complex(tensor, -tensor).conj().imag, rate, rate=rate), wave)
    np.testing.assert_array_equal(load(tensor, torch.tensor(rate), rate=rate), wave)  # type: ignore[arg-type]
    for odd in (tensor.bool(), tensor.to_sparse(), tensor.to(torch.complex64)):
        with pytest.raises(InputError):
            load(odd, rate, rate=rate)


def test_hidden_values_are_refused(wave: np.ndarray, rate: int) -> None:
    with pytest.raises(InputError, match="masked"):
        load(np.ma.masked_greater(wave, 0.1), rate, rate=rate)


def test_numbers_of_numpy(wave: np.ndarray, rate: int) -> None:
    extractor = Extractor(threads=np.int64(1), hop=np.float32(5), outputs=[])  # type: ignore[arg-type]
    for sr in (np.uint16(rate), np.array(rate), np.array(rate, ">f8")):
        assert len(extractor(np.tile(wave, 3), sr)) == 2  # type: ignore[arg-type]
    for odd in (np.bool_(True), np.array([5]), "5", np.nan, 10**400):
        with pytest.raises(InputError, match="hop"):
            Extractor(threads=1, hop=odd)  # type: ignore[arg-type]


def test_open_files_and_names_as_bytes(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    for suffix in ("wav", "flac", "ogg", "mp3"):
        path = tmp_path / f"a.{suffix}"
        soundfile.write(path, wave, rate)
        expected = load(path, rate=RATE)
        with path.open("rb") as file:
            for audio in (file, io.BytesIO(path.read_bytes()), str(path).encode()):
                np.testing.assert_array_equal(load(audio, rate=RATE), expected)
    with (tmp_path / "a.wav").open(encoding="latin-1") as text, pytest.raises(InputError, match="binary"):
        load(text, rate=RATE)  # type: ignore[arg-type]


def test_a_hundred_channels_of_a_file(tmp_path: Path, wave: np.ndarray, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile(wave[:, None], (1, 100)), rate, "FLOAT")
    np.testing.assert_allclose(load(tmp_path / "a.wav", rate=rate), wave, atol=1e-6)


def test_an_array_is_read_in_slices(tmp_path: Path) -> None:
    """Memory for one block is taken, at ten times the length too; the map itself is not counted."""
    code = (
        "import sys, tracemalloc, numpy as np; from musicfeat.sound.audio import blocks\n"
        "y = np.memmap('x.raw', '<i2', 'w+', shape=(2, int(sys.argv[1]) * 44100)); y[:, ::97] = 1000\n"
        "tracemalloc.start()\n"
        "for _ in blocks(y, 44100, rate=22050): pass\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    peaks = [
        int(subprocess.run([sys.executable, "-c", code, length], cwd=tmp_path, capture_output=True, check=True).stdout)
        for length in ("20", "200")
    ]
    assert peaks[1] < 1.5 * peaks[0]


def test_decoders_leave_no_threads(tmp_path: Path, clip: np.ndarray) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'musicfeat[codecs]'")
    with av.open(tmp_path / "a.mka", "w") as out:
        stream = out.add_stream("flac", rate=44100, layout="mono")
        for start in range(0, 44100 * 4, 4096):
            frame = av.AudioFrame.from_ndarray(clip[None, start : start + 4096], format="flt", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    gc.disable()
    try:
        before = psutil.Process().num_threads()
        for _ in range(4):
            load(tmp_path / "a.mka", rate=RATE)
        assert psutil.Process().num_threads() <= before + 1
    finally:
        gc.enable()


def test_huge_channels_that_cancel_are_heard() -> None:
    huge = np.full((2, 50_000), 1e22, np.float32) * np.float32([[1], [-1]])
    assert np.concatenate(list(opened(huge, 44100).blocks))[0] == np.float32(1e22)


def test_blocks_of_an_array_are_its_samples() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 100_001)).astype(np.float32)
    sound = opened(noise, 44100)
    np.testing.assert_allclose(np.concatenate(list(sound.blocks)), noise.mean(0), atol=1e-7)
    whole = np.concatenate(list(blocks(noise, 44100, rate=RATE)))
    np.testing.assert_allclose(whole, soxr.resample(noise.mean(0), 44100, RATE), atol=1e-5)


def test_names_that_can_be_opened() -> None:
    assert len(set(LIBSNDFILE + FFMPEG)) == len(LIBSNDFILE + FFMPEG)
    assert all(is_audio(f"a.{suffix.upper()}") for suffix in LIBSNDFILE + FFMPEG)
    assert not any(map(is_audio, ("a.jpg", "wav", "a.wav.part", "a.m3u")))
    assert [is_hidden(name) for name in ("...And", ".38 Special", ".git", "._01.wav", ".", "a.wav")] == [
        *(False, False, True, True, True, False)
    ]
