"""The end of a FLAC file: sound behind the declared length, and tags behind the sound, which libFLAC calls damage.

RFC 9639: section 8.2 is the block with the declared length, section 9.1 a frame's header.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.sound.arguments import Source
from musicfeat.sound.waveform import BLOCK_FRAMES

BEGINNING = b"fLaC\0\0\0\x22"
"""First bytes of a FLAC stream."""
SYNC = re.compile(rb"\xff[\xf8\xf9][^\x00-\x0f][\x00-\xae]")
"""First bytes of a frame's header."""
TAIL_BYTES = 1 << 17
"""Bytes at the end of a file in which its last frame begins."""

MOST_PER_BYTE = 600
"""Upper bound on samples per byte, which silence approaches."""


def goes_on(source: Source, frames: int) -> bool:
    """True if a frame behind the declared number of samples ends the file: decoders would leave that sound out."""
    with source.open() as file:
        head = file.read(1 << 10)
        file.seek(max(0, source.size - TAIL_BYTES))
        tail = file.read()
    start = head.find(BEGINNING) + len(BEGINNING)
    block = int.from_bytes(head[start : start + 2])
    for match in reversed(list(SYNC.finditer(tail))):
        number = _number(tail[match.start() : match.start() + 16])
        if number is not None:
            place = number * (1 if tail[match.start() + 1] & 1 else block)
            return frames <= place < MOST_PER_BYTE * source.size
    return False


def _number(header: bytes) -> int | None:
    """Number of a frame or, if their sizes vary, of its first sample; None if its checksum is wrong."""
    if len(header) < 6:
        return None
    ones = 8 - (header[4] ^ 0xFF).bit_length()  # as in UTF-8, the length of the number in bytes
    if ones in (1, 8):
        return None
    end = 4 + max(1, ones) + {6: 1, 7: 2}.get(header[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if len(header) <= end or _crc8(header[:end]) != header[end]:
        return None
    number = header[4] & (0x7F >> ones)
    for byte in header[5 : 4 + ones]:
        number = number << 6 | byte & 0x3F
    return number


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x107 if crc & 0x80 else 0)) & 0x1FF
    return crc


def rest(source: Source, place: int) -> npt.NDArray[np.float32] | None:
    """The last samples, from ``place`` on; None if they are damaged, or another FLAC file is joined behind them.

    Returns:
        [frames, channels].
    """
    import soundfile

    try:
        with soundfile.SoundFile(source.for_libsndfile()) as file:
            missing = file.frames - place
            if not 0 <= missing <= BLOCK_FRAMES or len(re.findall(re.escape(BEGINNING), source.mapped())) > 1:
                return None
            file.seek(place)
            block: Any = file.read(missing, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return block if len(block) == missing else None
