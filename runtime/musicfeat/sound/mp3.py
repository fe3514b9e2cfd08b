"""How long an MP3 file really is, where its header does not say.

libsndfile trusts the Xing, Info or VBRI header of an MP3. Without one it guesses the length from the size of the file,
wrongly if the bit rate varies or pictures stand in front, and reads no further than its guess. Counting the
frames tells whether sound was lost.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

LENGTH_HEADERS = (b"Xing", b"Info", b"VBRI")
# ISO/IEC 11172-3 and 13818-3, layer III: kbit/s by the index in a frame's header, for MPEG 1 and for MPEG 2 and 2.5.
BIT_RATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
SYNC = re.compile(
    rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][%b]" % re.escape(bytes(b for b in range(0x10, 0xF0) if b & 12 != 12))
)
"""Three bytes that ``_frame`` accepts; junk is searched for them without a step of Python for each byte."""
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def has_length_header(path: Path) -> bool:
    """Whether the first frame declares the length of the file."""
    with path.open("rb") as file:
        file.seek(_id3_size(file.read(10)))
        start = file.read(4096)
    return any(name in start for name in LENGTH_HEADERS)


def seconds_of_frames(path: Path) -> float:
    """Seconds of sound in all frames, found by walking from header to header."""
    seconds = 0.0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = _id3_size(data[:10])
        while place + 4 <= len(data):
            size, duration = _frame(data[place : place + 4])
            seconds += duration
            place = place + size if size else _next_sync(data, place + 1)
    return seconds


def _id3_size(head: bytes) -> int:
    """Bytes of an ID3v2 tag at the beginning of a file."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    return 10 + sum((byte & 0x7F) << 7 * i for i, byte in enumerate(reversed(head[6:10])))


def _frame(header: bytes) -> tuple[int, float]:
    """Bytes and seconds of the layer III frame that a header begins; zeros if it is none."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    if header[0] != 0xFF or header[1] < 0xE0 or layer != 1 or version == 1 or header[2] >> 2 & 3 == 3:
        return 0, 0.0
    rate, bits = RATES[version][header[2] >> 2 & 3], BIT_RATES[version == 3][header[2] >> 4]
    if not bits:
        return 0, 0.0
    samples = 1152 if version == 3 else 576
    return samples // 8 * bits * 1000 // rate + (header[2] >> 1 & 1), samples / rate


def _next_sync(data: mmap.mmap, place: int) -> int:
    found = SYNC.search(data, place)
    return found.start() if found else len(data)
