"""Channels of a file, each by itself, block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError
from musicfeat.sound.waveform import BLOCK_FRAMES, MAX_CHANNELS, Waveform


def opened_channels(path: str | os.PathLike[str]) -> Any:
    """A SoundFile, to be closed; its channels are not mixed.

    Raises:
        AudioError: libsndfile cannot decode it, or it has too many channels.
    """
    import soundfile

    try:
        file = soundfile.SoundFile(os.fspath(path))
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError) as error:
        reason = f"{path}: its channels cannot be read one by one: {error}"
        raise AudioError(f"{reason}. Convert it to wav or flac, for instance with ffmpeg") from error
    if file.channels > MAX_CHANNELS:
        file.close()
        raise AudioError(f"{path} has {file.channels} channels, more than {MAX_CHANNELS}")
    return file


def channel_blocks(path: str | os.PathLike[str], channel: int) -> Iterator[Waveform]:
    """Blocks [samples] of one channel, counted from 0; errors are those of ``frame_blocks``."""
    with opened_channels(path) as file:
        yield from (np.ascontiguousarray(block[:, channel]) for block in frame_blocks(file, "float32"))


def frame_blocks(file: Any, dtype: str) -> Iterator[npt.NDArray[Any]]:
    """Blocks [frames, channels] of an open file.

    Raises:
        AudioError: the file is damaged.
    """
    import soundfile

    file.seekable = lambda: False  # else soundfile seeks after every read, and decoders decode a part twice
    decoded = 0
    while True:
        try:
            block = file.read(BLOCK_FRAMES, dtype=dtype, always_2d=True)
        except soundfile.LibsndfileError as error:
            seconds = decoded / file.samplerate
            raise AudioError(f"{file.name}: damaged after {seconds:.1f} s ({error})") from error
        if not len(block):
            return
        decoded += len(block)
        yield block
