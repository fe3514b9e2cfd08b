"""libsndfile's decoders, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from musicfeat.errors import AudioError
from musicfeat.sound import flac
from musicfeat.sound.arguments import Source
from musicfeat.sound.loss import MOST_LOST, Loss, check_length
from musicfeat.sound.mp3 import Lengths, seconds_of_frames
from musicfeat.sound.waveform import BLOCK_FRAMES, Waveform, folded_block

STREAMED = (1 << 31, 1 << 32)
"""Sizes that a wav declares if it was written to a pipe, or just below them; they say nothing of the length."""
STREAMED_BELOW = 1 << 17
"""Greatest distance below these: SoX declares 0x7FFFF000, rounded down to whole blocks."""
SIZES = {"WAV": "data", "WAVEX": "data", "AIFF": "SSND", "AU": "Data Size", "W64": "riff", "RF64": "Riff size"}
"""Name by which libsndfile's log tells a size that reaches beyond the file's end, by format."""
PACKED_FORMATS = ("FLAC", "OGG", "CAF")
"""These formats compress silence without limit; all others hold fewer than FRAMES_PER_BYTE frames per byte."""
FRAMES_PER_BYTE = 64
UNKNOWN_FRAMES = 1 << 62
"""libsndfile reports more frames than this for a flac whose writer could not go back to write the length."""


class DamagedError(AudioError):
    """A file that cannot be decoded on from some place."""


def blocks(file: Any, source: Source, mp3: Lengths | None, loss: Loss) -> Iterator[Waveform]:
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
                block = flac.rest(source, decoded) if file.format == "FLAC" else None
                if block is None:
                    raise DamagedError(f"{source}: damaged after {decoded / rate:.1f} s ({error})") from error
            if not len(block):
                break
            decoded += len(block)
            yield folded_block(block.T, source)
    whole = mp3 is not None and mp3.whole
    if whole and decoded / rate < declared * (1 - MOST_LOST):  # mpg123 may take damage for the end
        raise DamagedError(
            f"{source}: damaged after {decoded / rate:.1f} s; pip install 'musicfeat[codecs]' decodes more"
        )
    # The last page of an Ogg declares its length, so nothing can be cut off behind it.
    check_length(source, decoded / rate, declared, loss, whole or file.format == "OGG")


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
    cut = re.search(rf"{SIZES.get(file.format, '-')} *: (\d+) \(should be (\d+)\)", file.extra_info)
    if cut and not _streamed(int(cut[1])):
        return seconds * max(1, int(cut[1]) / max(1, int(cut[2])))
    return seconds


def _streamed(size: int) -> bool:
    return size >= 1 << 60 or any(0 <= most - size < STREAMED_BELOW for most in STREAMED)
