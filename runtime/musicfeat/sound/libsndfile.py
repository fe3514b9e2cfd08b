"""libsndfile's decoders, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from musicfeat.errors import AudioError
from musicfeat.sound.arguments import Source
from musicfeat.sound.loss import Loss, check_length
from musicfeat.sound.mp3 import Lengths, seconds_of_frames
from musicfeat.sound.waveform import BLOCK_FRAMES, Waveform, folded_block

STREAMED_SIZE = 0x7FFFFFFF
"""A wav that was written to a pipe declares this size or more, and means nothing by it."""
PACKED_FORMATS = ("FLAC", "OGG", "CAF")
"""Of what libsndfile reads, these pack silence without limit; in others a byte never holds FRAMES_PER_BYTE."""
FRAMES_PER_BYTE = 64
UNKNOWN_FRAMES = 1 << 62
"""More than this says libsndfile of a flac whose writer could not go back to note the length."""


def pieces(file: Any, source: Source, mp3: Lengths | None, loss: Loss) -> Iterator[Waveform]:
    """Mono blocks of an open SoundFile; closes it.

    Raises:
        AudioError: it is damaged, or holds less or more than it declares.
    """
    import soundfile

    decoded, rate = 0, file.samplerate
    file.seekable = lambda: False  # else it seeks after every read to where it is, and decoders decode that part twice
    with file:
        if file.frames > most_frames(file, source):
            raise AudioError(
                f"{source} declares no length, or too much of it: pip install 'musicfeat[codecs]' may decode it"
            )
        declared = _declared_seconds(file, source, mp3)
        while True:
            try:
                block = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{source}: damaged after {decoded / rate:.1f} s ({error})") from error
            if not len(block):
                break
            decoded += len(block)
            yield folded_block(block.T, source)
    check_length(source, decoded / rate, declared, loss)


def most_frames(file: Any, source: Source) -> int:
    """What a file can hold, and more; some of libsndfile's decoders go on with silence up to what it declares."""
    return UNKNOWN_FRAMES if file.format in PACKED_FORMATS else FRAMES_PER_BYTE * source.size


def _declared_seconds(file: Any, source: Source, mp3: Lengths | None) -> float:
    """What the file says of its own length; libsndfile's ``frames`` is a guess or already cut for some formats."""
    seconds = float(file.frames / file.samplerate)
    if mp3 and not mp3.declared:
        return seconds_of_frames(source)
    if mp3:
        return seconds + mp3.behind
    cut = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info) if file.format.startswith("WAV") else None
    if cut and int(cut[1]) < STREAMED_SIZE:
        return seconds * int(cut[1]) / max(1, int(cut[2]))
    return seconds
