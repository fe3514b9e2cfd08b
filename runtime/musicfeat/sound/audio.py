"""Files and arrays as one mono waveform, block by block, so that memory does not grow with length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError, InputError
from musicfeat.sound import ffmpeg, flac, joined, libsndfile, ogg, riff
from musicfeat.sound.arguments import PathLike, Source, is_source, source_of
from musicfeat.sound.loss import Loss
from musicfeat.sound.mp3 import Lengths, lengths, seconds_of_frames
from musicfeat.sound.waveform import Waveform, blocks_of, check_rate, resample

__all__ = ["Audio", "PathLike", "Sound", "blocks", "decoded", "load", "opened"]

Audio = PathLike | bytes | BinaryIO | npt.ArrayLike


class Sound(NamedTuple):
    """An opened recording."""

    sr: int
    """The recording's own sample rate in Hz; the first one, if it changes."""
    blocks: Iterator[Waveform]
    """Consecutive mono blocks at that rate."""
    loss: Loss
    """Sound that could not be decoded; complete once all blocks are taken."""
    start: float = 0.0
    """Start of the sound in seconds on a player's clock; above 0 in videos whose sound starts late."""


def load(audio: Audio, sr: float | None = None, *, rate: int) -> Waveform:
    """A file or an array as one mono waveform.

    Args:
        audio: path, open file, or array of [samples] or [channels, samples].
        sr: sample rate of an array in Hz; a file knows its own.
        rate: sample rate of the result in Hz.

    Returns:
        [samples] float32.

    Raises:
        InputError: the array or its rate is unusable.
        AudioError: the file cannot be decoded.
    """
    return np.concatenate(list(blocks(audio, sr, rate=rate)))


def blocks(audio: Audio, sr: float | None = None, *, rate: int) -> Iterator[Waveform]:
    """Consecutive blocks of ``load``'s waveform, yielded as they are decoded."""
    sound = opened(audio, sr)
    return resample(sound.blocks, sound.sr, rate)


def opened(audio: Audio, sr: float | None = None) -> Sound:
    """A file or an array as blocks at its own rate; arguments and errors as for ``load``."""
    if not is_source(audio):
        return Sound(check_rate(sr), blocks_of(audio), Loss())
    if sr is not None:
        raise InputError("sr is for arrays; a file carries its own sample rate: leave sr out")
    return decoded(audio)


def decoded(audio: Any) -> Sound:
    """An opened file, decoded as its blocks are taken.

    libsndfile decodes; formats that it does not know and files that it wrongly refuses go to PyAV, if installed.

    Args:
        audio: path, or an open file, which is read to its end.

    Raises:
        AudioError: the file cannot be opened or is not audio; later, from ``blocks``, if too much of it is damaged.
    """
    source = source_of(audio)
    source.check()
    links = ogg.links(source) or joined.links(source)
    return _chained(links) if links else _single(source)


def _single(source: Source) -> Sound:
    """A recording that is not joined with others."""
    sound = _opened(source, Loss())
    try:
        return sound._replace(sr=check_rate(sound.sr))
    except InputError as error:
        raise AudioError(f"{source} declares an unusable sample rate: {error}") from error


def _opened(source: Source, loss: Loss) -> Sound:
    import soundfile

    try:
        file = soundfile.SoundFile(riff.mended(source) or source.for_libsndfile())
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        return _with_ffmpeg(source, loss, error)
    if file.format == "RAW":
        file.close()
        raise AudioError(f"{source} is not audio that can be decoded: it has no header, whatever its name says")
    mp3 = lengths(source) if file.format == "MP3" else None
    counted = mp3 is not None and (not mp3.declared or mp3.behind > 0)
    longer = file.format == "FLAC" and flac.goes_on(source, file.frames)
    if (counted or longer or file.frames > libsndfile.most_frames(file, source)) and find_spec("av"):
        file.close()
        return _with_ffmpeg(source, loss, None, seconds_of_frames(source) if counted else None)
    if longer:
        raise AudioError(
            f"{source} holds more sound than it declares: pip install 'musicfeat[codecs]' decodes all of it"
        )
    blocks = libsndfile.blocks(file, source, mp3, loss)
    if file.format in ("FLAC", "MP3") and find_spec("av"):
        blocks = _continued(blocks, source, mp3, loss, file.frames / file.samplerate)
    return Sound(file.samplerate, blocks, loss)


def _continued(
    blocks: Iterator[Waveform], source: Source, mp3: Lengths | None, loss: Loss, declared: float
) -> Iterator[Waveform]:
    """The blocks of a file; behind a place that libsndfile cannot pass, those that FFmpeg decodes."""
    done = 0
    try:
        for block in blocks:
            yield block
            done += len(block)
    except libsndfile.DamagedError as error:
        counted = max(declared, seconds_of_frames(source)) if mp3 else None
        for block in ffmpeg.opened(source, error, loss, counted).blocks:
            if done < len(block):
                yield block[done:]
            done = max(0, done - len(block))


def _with_ffmpeg(source: Source, loss: Loss, refusal: Exception | None, counted: float | None = None) -> Sound:
    found = ffmpeg.opened(source, refusal, loss, counted)
    return Sound(found.rate, found.blocks, loss, found.start)


def _chained(links: Sequence[Source]) -> Sound:
    """Recordings joined in one file, one after the other, at the rate of the first."""
    first, loss = _single(links[0]), Loss()
    sounds = chain([first], map(_single, links[1:]))
    return first._replace(blocks=_after_each_other(sounds, first.sr, loss), loss=loss)


def _after_each_other(sounds: Iterable[Sound], rate: int, loss: Loss) -> Iterator[Waveform]:
    for sound in sounds:
        yield from resample(sound.blocks, sound.sr, rate)
        loss.seconds += sound.loss.seconds
