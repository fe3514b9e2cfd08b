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
"""Least size declared by a wav that was written to a pipe; it says nothing of the length."""
PACKED_FORMATS = ("FLAC", "OGG", "CAF")
"""These formats compress silence without limit; all others hold fewer than FRAMES_PER_BYTE frames per byte."""
FRAMES_PER_BYTE = 64
UNKNOWN_FRAMES = 1 << 62
"""libsndfile reports more frames than this for a flac whose writer could not go back to write the length."""


def pieces(file: Any, source: Source, mp3: Lengths | None, loss: Loss) -> Iterator[Waveform]:
    """Mono blocks of an open SoundFile, which is closed at the end.

    Raises:
        AudioError: the file is damaged, or holds less or more than it declares.
    """
    import soundfile

    decoded, rate = 0, file.samplerate
    file.seekable = lambda: False  # else soundfile seeks after every read, and decoders decode a part twice
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
    """Upper bound on a file's frames; some libsndfile decoders go on with silence up to the declared length."""
    return UNKNOWN_FRAMES if file.format in PACKED_FORMATS else FRAMES_PER_BYTE * source.size


def _declared_seconds(file: Any, source: Source, mp3: Lengths | None) -> float:
    """Length that the file declares; libsndfile's ``frames`` is a guess or already cut for some formats."""
    seconds = float(file.frames / file.samplerate)
    if mp3 and not mp3.declared:
        return seconds_of_frames(source)
    if mp3:
        return seconds + mp3.behind
    cut = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info) if file.format.startswith("WAV") else None
    if cut and int(cut[1]) < STREAMED_SIZE:
        return seconds * int(cut[1]) / max(1, int(cut[2]))
    return seconds
