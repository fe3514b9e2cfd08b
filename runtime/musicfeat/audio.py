"""Decode, mix to mono and resample, block by block, so that memory does not grow with length."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError, InputError

Waveform: TypeAlias = npt.NDArray[np.float32]
PathLike: TypeAlias = str | os.PathLike[str]

BLOCK_FRAMES = 1 << 16
MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1_000, 1_536_000
TRUNCATION_SECONDS = 0.2
"""A file that ends this much before the length that its header declares counts as truncated."""


def load(audio: PathLike | npt.ArrayLike, sr: float | None = None, *, rate: int) -> Waveform:
    """A file or an array as one mono waveform.

    Args:
        audio: path, or array of [samples] or [channels, samples].
        sr: sample rate of an array in Hz; a file knows its own.
        rate: sample rate of the result in Hz.

    Returns:
        [samples] float32.

    Raises:
        InputError: the array or its rate is unusable.
        AudioError: the file cannot be decoded.
    """
    return np.concatenate(list(blocks(audio, sr, rate=rate)))


def blocks(audio: PathLike | npt.ArrayLike, sr: float | None = None, *, rate: int) -> Iterator[Waveform]:
    """As ``load``, but yielding consecutive pieces of the waveform as they are decoded."""
    if isinstance(audio, (str, os.PathLike)):
        if sr is not None:
            raise InputError("sr is for arrays; a file carries its own sample rate: leave sr out")
        return _file_blocks(Path(audio), rate)
    return resample([to_mono(audio)], check_rate(sr), rate)


def check_rate(sr: float | None) -> int:
    """A sample rate as a whole number of Hz, or InputError."""
    if sr is None:
        raise InputError("sr is missing: pass the array's sample rate in Hz, for instance sr=44100")
    if isinstance(sr, bool) or not isinstance(sr, (int, float, np.integer, np.floating)):
        raise InputError(f"sr must be a number of Hz, got {sr!r}")
    if not math.isfinite(sr) or sr != int(sr) or not MIN_RATE <= sr <= MAX_RATE:
        raise InputError(f"sr must be a whole number of Hz from {MIN_RATE} to {MAX_RATE}, got {sr!r}")
    return int(sr)


def to_mono(array: npt.ArrayLike) -> Waveform:
    """Check an array of sound and mix it to one channel.

    Args:
        array: [samples] or [channels, samples]; floats at any level, or int16 / int32 at full scale.

    Returns:
        [samples] float32; integers scaled to [-1, 1).

    Raises:
        InputError: empty, of another shape or type, or holding NaN or infinity.
    """
    try:
        sound = np.asarray(array)
    except ValueError as error:
        raise InputError(f"audio is not an array: {error}") from error
    if sound.dtype in (np.int16, np.int32):
        scale = -float(np.iinfo(sound.dtype).min)
    elif sound.dtype in (np.float16, np.float32, np.float64):
        scale = 1.0
    else:
        raise InputError(f"audio must be float16/32/64, int16 or int32, got {sound.dtype}: convert it first")
    if sound.ndim not in (1, 2):
        raise InputError(f"audio must be [samples] or [channels, samples], got shape {sound.shape}")
    if sound.size == 0:
        raise InputError(f"audio is empty, shape {sound.shape}: at least one sample is needed")
    if sound.ndim == 2 and sound.shape[0] > MAX_CHANNELS:
        raise InputError(f"{sound.shape[0]} channels in shape {sound.shape}: expected [channels, samples], try audio.T")
    mono = sound.mean(axis=0, dtype=np.float64) if sound.ndim == 2 else sound
    with np.errstate(over="ignore"):
        mono = np.ascontiguousarray(mono / scale if scale != 1.0 else mono, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise InputError("audio holds NaN or infinite values: replace them, for instance with numpy.nan_to_num")
    return mono


def resample(pieces: Iterable[Waveform], sr: int, rate: int) -> Iterator[Waveform]:
    """Resample consecutive pieces of one mono waveform; how they are cut does not change the result."""
    if sr == rate:
        yield from pieces
        return
    import soxr

    stream, samples = soxr.ResampleStream(sr, rate, 1, dtype="float32", quality="HQ"), 0
    for piece in pieces:
        samples += len(done := stream.resample_chunk(piece))
        yield done
    samples += len(done := stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
    # A few samples at a high rate can round to none at a low one; sound is never lost altogether.
    yield done if samples else np.zeros(1, dtype=np.float32)


def _file_blocks(path: Path, rate: int) -> Iterator[Waveform]:
    """Decode with libsndfile; what it does not know or wrongly refuses goes to PyAV, if installed."""
    _check_file(path)
    import soundfile

    try:
        # Bytes, because soundfile cannot encode names that are not valid Unicode.
        file = soundfile.SoundFile(os.fspath(path) if os.name == "nt" else os.fsencode(path))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        sr, pieces = _open_with_av(path, error)
    else:
        sr, pieces = file.samplerate, _sndfile_pieces(file, path)
    yield from resample(pieces, sr, rate)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a directory: pass a file")
        if not path.is_file():
            raise AudioError(f"{path} does not exist or is not a regular file")
        if path.stat().st_size == 0:
            raise AudioError(f"{path} is empty (0 bytes)")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise AudioError(f"{path!s} cannot be opened: {error}") from error


def _sndfile_pieces(file: Any, path: Path) -> Iterator[Waveform]:
    """Mono blocks of an open SoundFile; closes it."""
    import soundfile

    decoded, declared = 0, file.frames
    with file:
        while True:
            try:
                block = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{path}: damaged after {decoded / file.samplerate:.1f} s ({error})") from error
            if not len(block):
                break
            decoded += len(block)
            yield _mono_block(block.T, path)
        _check_length(path, decoded / file.samplerate, declared / file.samplerate)


def _check_length(path: Path, decoded: float, declared: float) -> None:
    if decoded == 0:
        raise AudioError(f"{path} holds no sound: no sample could be decoded")
    if decoded < declared - TRUNCATION_SECONDS:
        raise AudioError(
            f"{path} is truncated: its header declares {declared:.1f} s, {decoded:.1f} s can be decoded; fetch it again"
        )


def _mono_block(block: npt.NDArray[Any], path: Path) -> Waveform:
    try:
        return to_mono(block)
    except InputError as error:
        raise AudioError(f"{path}: {error}") from error


def _open_with_av(path: Path, refusal: Exception) -> tuple[int, Iterator[Waveform]]:
    """Open a file with PyAV, or explain the refusal of libsndfile."""
    try:
        import av
    except ImportError:
        raise AudioError(
            f"{path} cannot be decoded: {refusal}. If it plays elsewhere (m4a, aac, some opus files), "
            "install the wider decoder: pip install 'musicfeat[codecs]'"
        ) from refusal
    try:
        container = av.open(os.fspath(path))
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(f"{path} is not audio that can be decoded: {refusal}; {error}") from error
    if not container.streams.audio or not container.streams.audio[0].rate:
        container.close()
        raise AudioError(f"{path} holds no audio stream")
    return int(container.streams.audio[0].rate), _av_pieces(container, path)


def _av_pieces(container: Any, path: Path) -> Iterator[Waveform]:
    """Mono blocks of an open PyAV container; closes it."""
    import av

    decoded = 0
    with container:
        stream = container.streams.audio[0]
        planar = av.AudioResampler(format="fltp", rate=stream.rate)
        declared = float(container.duration or 0) / 1e6
        try:
            for frame in container.decode(stream):
                for part in planar.resample(frame):
                    decoded += part.samples
                    yield _mono_block(part.to_ndarray(), path)
        except av.FFmpegError as error:
            raise AudioError(f"{path}: damaged after {decoded / stream.rate:.1f} s ({error})") from error
        _check_length(path, decoded / stream.rate, declared)
