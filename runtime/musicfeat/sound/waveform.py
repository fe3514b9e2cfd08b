"""Waveforms in memory: checked, mixed to mono, resampled piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

Waveform: TypeAlias = npt.NDArray[np.float32]

MAX_CHANNELS = 64
MIN_RATE, MAX_RATE = 1_000, 1_536_000
LOUDEST = 1e30
"""Resampling and summing stay finite up to here."""


def check_rate(sr: float | None) -> int:
    """A sample rate as a whole number of Hz, or InputError."""
    if sr is None:
        raise InputError("sr is missing: pass the array's sample rate in Hz, for instance sr=44100")
    if isinstance(sr, bool) or not isinstance(sr, (int, float, np.integer, np.floating)):
        raise InputError(f"sr must be a number of Hz, got {sr!r}")
    if not MIN_RATE <= sr <= MAX_RATE or sr != int(sr):
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
    with np.errstate(over="ignore", invalid="ignore"):
        mono = _mixed(sound) if sound.ndim == 2 else sound
        mono = np.ascontiguousarray(mono / scale if scale != 1.0 else mono, dtype=np.float32)
    if not (mono.min() >= -LOUDEST and mono.max() <= LOUDEST):
        raise InputError(
            f"audio holds NaN or infinite values, or some beyond {LOUDEST:g}: replace them, for instance with "
            "numpy.nan_to_num and numpy.clip"
        )
    return mono


def _mixed(sound: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    """The mean of the channels."""
    if sound.dtype != np.float32:
        return sound.mean(axis=0, dtype=np.float64)
    # Channel by channel: numpy's mean over a short axis costs as much as decoding an MP3.
    total: Waveform = np.add(sound[0], sound[1]) if len(sound) > 1 else sound[0].copy()
    for channel in sound[2:]:
        total += channel
    total *= np.float32(1 / len(sound))
    return total


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


def ends(pieces: Iterable[Waveform], size: int) -> Waveform:
    """The first and the last ``size`` samples of a long waveform, joined; a short one whole."""
    first, last = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.float32)
    for piece in pieces:
        taken = size - len(first)
        first = np.concatenate([first, piece[:taken]])
        last = np.concatenate([last, piece[taken:]])[-size:]
    return np.concatenate([first, last])
