"""Waveforms in memory: checked, mixed to mono, resampled block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError, InputError
from musicfeat.sound.arguments import real

Waveform: TypeAlias = npt.NDArray[np.float32]

BLOCK_FRAMES = 1 << 15
MAX_CHANNELS = 64
TYPES = ("float16", "bfloat16", "float32", "float64", np.dtype(np.longdouble).name, "int16", "int32")
LEFT = 0.02
"""Least share of two channels' power in their mean; below it, one channel is the other inverted, to 96 %."""
MIN_RATE, MAX_RATE = 1_000, 1_536_000
SILENCE = 256
"""Least number of silent samples before a waveform that is resampled, or soxr's first sample is off by up to 6 %."""
LOUDEST = 1e30
"""Largest sample for which resampling and summing stay finite."""


def check_rate(sr: object) -> int:
    """A sample rate as a whole number of Hz, or InputError."""
    if sr is None:
        raise InputError("sr is missing: pass the array's sample rate in Hz, for instance sr=44100")
    rate = real(sr)
    if rate is None and not isinstance(sr, (float, np.floating)):
        raise InputError(f"sr must be a number of Hz, got {sr!r}")
    if rate is None or not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
        raise InputError(f"sr must be a whole number of Hz from {MIN_RATE} to {MAX_RATE}, got {sr!r}")
    return int(rate)


def blocks_of(array: Any) -> Iterator[Waveform]:
    """Mono blocks of an array of sound, checked and mixed slice by slice in memory for one slice.

    Args:
        array: as for ``to_mono``; also a memory map, or a tensor of torch, with or without gradient.

    Raises:
        InputError: at once or, for values that are not finite, from the slice that holds them.
    """
    sound = as_array(array)
    _check_array(sound)
    return _slices(sound)


def _slices(sound: Any) -> Iterator[Waveform]:
    for place in range(0, sound.shape[-1], BLOCK_FRAMES):
        yield _folded(as_numpy(sound[..., place : place + BLOCK_FRAMES]))


def as_array(array: Any) -> Any:
    """An array that can be sliced without a copy: a tensor as it is, anything else as numpy's.

    Raises:
        InputError: the argument is no array, or hides some of its values.
    """
    if hasattr(array, "detach") and hasattr(array, "numpy"):  # torch, which this package does not import
        if "strided" not in str(array.layout):
            raise InputError(f"audio is a tensor of layout {array.layout}: make it dense first")
        return array.detach()
    if np.ma.isMaskedArray(array) and np.ma.is_masked(array):
        raise InputError("audio is a masked array, some of it is hidden: fill it first, for instance with .filled(0)")
    try:
        return np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"audio is not an array: {error}") from error


def as_numpy(sound: Any) -> npt.NDArray[Any]:
    """A slice of ``as_array``'s result as a numpy array in native byte order."""
    if not isinstance(sound, np.ndarray):
        try:
            sound = sound.cpu()
            sound = (sound.float() if "bfloat16" in str(sound.dtype) else sound).resolve_neg().numpy()
        except (TypeError, RuntimeError) as error:
            raise InputError(f"audio is a tensor that numpy cannot hold: {error}") from error
    return np.asarray(sound, dtype=sound.dtype.newbyteorder("="))


def to_mono(array: Any) -> Waveform:
    """An array of sound, checked and mixed to one channel, the mean of all.

    Args:
        array: [samples] or [channels, samples], an array or a tensor; floats at any level, or int16 / int32 at full
            scale, in any byte order.

    Returns:
        [samples] float32; integers scaled to [-1, 1).

    Raises:
        InputError: empty, of another shape or type, or holding NaN or infinity.
    """
    sound = as_array(array)
    _check_array(sound)
    return _mixed(as_numpy(sound))[0]


def _check_array(sound: Any, known: bool = False) -> None:
    """Raise InputError if an array is no sound; ``known`` is the number of channels in the blocks before."""
    shape, kind = tuple(sound.shape), str(sound.dtype).removeprefix("torch.").lstrip("<>=|")
    if isinstance(sound, np.ndarray):
        kind = sound.dtype.newbyteorder("=").name if sound.dtype.kind in "fi" else kind
    if kind not in TYPES:
        raise InputError(f"audio must be float16/32/64, int16 or int32, got {sound.dtype}{_hint(kind)}")
    if len(shape) not in (1, 2):
        raise InputError(f"audio must be [samples] or [channels, samples], got shape {shape}")
    if 0 in shape:
        raise InputError(f"audio is empty, shape {shape}: at least one sample is needed")
    if len(shape) == 2 and (shape[0] > MAX_CHANNELS or (shape[0] > shape[1] and not known)):
        raise InputError(f"{shape[0]} channels in shape {shape}: expected [channels, samples], try audio.T")


def _hint(kind: str) -> str:
    if "int" in kind:
        return ": the number at full scale is not known, divide by it first, such as audio / 32768"
    return ": pass the samples of one recording, without names or pairs" if kind == "object" else ": convert it first"


def _mixed(sound: npt.NDArray[Any]) -> tuple[Waveform, float]:
    """The mean of the channels as float32, checked, and its power; where that is infinite, samples may be finite."""
    scale = -float(np.iinfo(sound.dtype).min) if sound.dtype.kind == "i" else 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        mono = _mean(sound) if sound.ndim == 2 else sound
        mono = np.ascontiguousarray(mono / scale if scale != 1.0 else mono, dtype=np.float32)
        power = float(np.dot(mono, mono))
    if not math.isfinite(power) and not (mono.min() >= -LOUDEST and mono.max() <= LOUDEST):
        raise InputError(
            f"audio holds NaN or infinite values, or some beyond {LOUDEST:g}: replace them, for instance with "
            "numpy.nan_to_num and numpy.clip"
        )
    return mono, power


def _folded(sound: npt.NDArray[Any]) -> Waveform:
    """The result of ``_mixed``, or the first channel that sounds if channels cancel, as with one wired backwards."""
    mono, power = _mixed(sound)
    if sound.ndim == 1 or len(sound) == 1:
        return mono
    with np.errstate(over="ignore"):  # the power of huge channels is infinite, and compares as such
        if sound.dtype == np.float32:
            samples = sound.ravel("K")  # in their order in memory, where one product is fastest
            if power >= np.dot(samples, samples) * 2 * LEFT / len(sound) ** 2:
                return mono
        channels, each = zip(*map(_mixed, sound), strict=True)
        powers = np.array(each)
        if not power < powers.mean() * LEFT * 2 / len(sound):
            return mono
    return channels[int(np.argmax(powers >= powers.mean() / 2))]


def folded_block(block: npt.NDArray[Any], name: object) -> Waveform:
    """A decoded block [channels, samples], mixed; AudioError with the file's name if the block is no valid sound."""
    try:
        return _folded(block)
    except InputError as error:
        raise AudioError(f"{name}: {error}") from error


def stream_blocks(blocks: Iterable[Any]) -> Iterator[Waveform]:
    """Mono blocks of live sound, all of equal length, so that the length of its blocks does not change the result.

    Raises:
        InputError: a block is no sound, or has another number of channels than the first.
    """
    held, frames = list[npt.NDArray[Any]](), 0
    channels: tuple[int, ...] | None = None
    for block in blocks:
        sound = as_array(block)
        if 0 in sound.shape:
            continue
        _check_array(sound, known=channels is not None)
        if channels not in (None, tuple(sound.shape[:-1])):
            raise InputError(
                f"a block has shape {tuple(sound.shape)}, but the blocks before it had {channels or 'no'} channels: "
                "all must be [samples], or all [channels, samples] of the same channels"
            )
        channels = tuple(sound.shape[:-1])
        if not channels:
            yield from _slices(sound)
            continue
        held.append(as_numpy(sound))
        frames += sound.shape[-1]
        if frames >= BLOCK_FRAMES:
            whole, stop = np.concatenate(held, axis=1), frames - frames % BLOCK_FRAMES
            yield from _slices(whole[:, :stop])
            held, frames = [whole[:, stop:]], frames - stop
    if frames:
        yield _folded(np.concatenate(held, axis=1))


def _mean(sound: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
    """The mean of the channels."""
    if sound.dtype != np.float32:
        return sound.mean(axis=0, dtype=np.float64)
    # Channel by channel: numpy's mean over a short axis costs as much as decoding an MP3.
    total: Waveform = np.add(sound[0], sound[1]) if len(sound) > 1 else sound[0].copy()
    for channel in sound[2:]:
        total += channel
    total *= np.float32(1 / len(sound))
    return total


def resample(blocks: Iterable[Waveform], sr: int, rate: int) -> Iterator[Waveform]:
    """Resample consecutive blocks of one mono waveform; the result does not depend on where they are cut."""
    if sr == rate:
        yield from blocks
        return
    import soxr

    divisor = math.gcd(sr, rate)
    periods = math.ceil(SILENCE * divisor / sr)
    silence, surplus = np.zeros(periods * sr // divisor, dtype=np.float32), periods * rate // divisor
    stream, samples = soxr.ResampleStream(sr, rate, 1, dtype="float32", quality="HQ"), 0
    for block in chain([silence], blocks):
        done = stream.resample_chunk(block)
        done, surplus = done[surplus:], max(0, surplus - len(done))
        samples += len(done)
        yield done
    done = stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)[surplus:]
    samples += len(done)
    # A few samples at a high rate can round to none at a low one; one sample is kept.
    yield done if samples else np.zeros(1, dtype=np.float32)


def ends(blocks: Iterable[Waveform], size: int) -> Waveform:
    """The first and the last ``size`` samples of a long waveform, joined; a short one whole."""
    first, last = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.float32)
    for block in blocks:
        taken = size - len(first)
        first = np.concatenate([first, block[:taken]])
        last = np.concatenate([last, block[taken:]])[-size:]
    return np.concatenate([first, last])
