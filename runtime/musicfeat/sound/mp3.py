"""True length of an MP3 file whose header declares none, or only that of a part of the file.

libsndfile trusts the Xing, Info or VBRI header of an MP3. Without one it guesses the length from the size of the file,
wrongly if the bit rate varies or pictures stand in front, and reads no further than its guess. In files joined end to
end it reads only the length in the first header. Counting the frames tells whether sound was lost.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import NamedTuple

from musicfeat.sound.arguments import Source

LENGTH_HEADERS = (b"Xing", b"Info", b"VBRI")
# ISO/IEC 11172-3 and 13818-3, layer III: kbit/s by the index in a frame's header, for MPEG 1 and for MPEG 2 and 2.5.
BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
SYNC = re.compile(
    rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][%b]" % re.escape(bytes(b for b in range(0x10, 0xF0) if b & 12 != 12))
)
"""Three bytes that ``_frame`` accepts; a regular expression finds them in junk faster than a loop over bytes."""
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
TAGS_BYTES = 4096
"""Bytes of tags behind the sound that are not examined; less than two frames of most files."""
Bytes = mmap.mmap | bytes


class Lengths(NamedTuple):
    """Length of an MP3 by its first header and by its frames."""

    declared: bool
    """True if the first frame declares a length."""
    behind: float
    """Seconds of frames behind the part that the first frame declares."""
    whole: bool = False
    """True if the file ends where the first frame declares."""


def lengths(file: Source | Path) -> Lengths:
    """Read the first header, and count the frames behind the part that it declares."""
    source = _source(file)
    with source.open() as opened:
        first = _id3_size(opened.read(10))
        opened.seek(first)
        start = opened.read(4096)
    places = [start.find(name) for name in LENGTH_HEADERS if name in start]
    if not places:
        return Lengths(False, 0.0)
    size = _declared_bytes(start[min(places) :])
    behind = source.size - first - size
    if not size or behind <= TAGS_BYTES:
        return Lengths(True, 0.0, size > 0 and behind >= 0)
    return Lengths(True, seconds_of_frames(source, first + size))


def seconds_of_frames(file: Source | Path, begin: int = 0) -> float:
    """Seconds of sound in all frames from byte ``begin`` on, found by walking from header to header."""
    return _walk(_source(file).mapped(), begin)


def _walk(data: Bytes, place: int) -> float:
    """Seconds of frames that have a neighbour; a lone one does not count, as three bytes of junk can look like one."""
    seconds, synchronous = 0.0, False
    while place + 4 <= len(data):
        size, duration = _frame(data[place : place + 4])
        if size and (synchronous or _frame(data[place + size : place + size + 4].ljust(4, b"\0"))[0]):
            seconds, place, synchronous = seconds + duration, place + size, True
        elif tag := _id3_size(data[place : place + 10]):
            place += tag
        else:
            place, synchronous = _next_sync(data, place + 1), False
    return seconds


def _declared_bytes(header: bytes) -> int:
    """Bytes of the whole stream by its Xing, Info or VBRI header; 0 if none declares it."""
    if header.startswith(b"VBRI"):
        return int.from_bytes(header[10:14])
    flags = int.from_bytes(header[4:8])
    place = 12 if flags & 1 else 8
    return int.from_bytes(header[place : place + 4]) if flags & 2 else 0


def _source(file: Source | Path) -> Source:
    return file if isinstance(file, Source) else Source(file)


def _id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag that begins here."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    return 10 + sum((byte & 0x7F) << 7 * i for i, byte in enumerate(reversed(head[6:10])))


def _frame(header: bytes) -> tuple[int, float]:
    """Bytes and seconds of the layer III frame that a header begins; zeros if it is no header."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    if header[0] != 0xFF or header[1] < 0xE0 or layer != 1 or version == 1 or header[2] >> 2 & 3 == 3:
        return 0, 0.0
    rate, bits = RATES[version][header[2] >> 2 & 3], BIT_RATES[version == 3][header[2] >> 4]
    if not bits:
        return 0, 0.0
    samples = 1152 if version == 3 else 576
    return samples // 8 * bits * 1000 // rate + (header[2] >> 1 & 1), samples / rate


def _next_sync(data: Bytes, place: int) -> int:
    found = SYNC.search(data, place)
    return found.start() if found else len(data)
