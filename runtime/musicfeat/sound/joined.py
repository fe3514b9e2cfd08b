"""Recordings joined end to end in one file, found by the lengths in their headers.

Decoders read only the first of them, or play the header of the next one as sound.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable

from musicfeat.sound.arguments import Source
from musicfeat.sound.parts import SourcePart, parts

Bytes = mmap.mmap | bytes
BEGINNING = re.compile(
    rb"(?:RIFF|RF64|BW64)....WAVE|FORM....AIF[FC]|\.snd\0\0......\0\0\0[\x01-\x1b]|dns\...\0\0....[\x01-\x1b]\0\0\0"
    rb"|caff\0\x01\0\0desc|riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0|Creative Voice File\x1a"
    rb"|\x64\xa3[\x01-\x04]\0....(?:.[\0-\x04]\0\0[\x01-\x04]\0|\0\0[\0-\x04].\0[\0-\x04]\0[\x01-\x04])"
    rb"|TTA1[\x01\x03]\0|wvpk....[\x02-\x10]\x04\0.....\0\0\0\0|FLV\x01[\x01\x04\x05]\0\0\0\t",
    re.DOTALL,
)
"""First bytes of a recording in one of the formats of ``ENDS``."""
BEGINNING_BYTES = 20
"""Most bytes that ``BEGINNING`` looks at."""
BETWEEN_BYTES = 1 << 16
"""Most bytes of padding or tags between one recording's declared end and the next one."""
UNKNOWN = 1 << 64
"""The end of a recording whose header does not tell it."""
UNTOLD = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""Sizes that stand for an unknown one."""


def links(source: Source) -> list[SourcePart]:
    """Each of several recordings joined in a file; empty for a single one and for other formats."""
    name = source.head[:4]
    if name not in ENDS or (name in SHORT and ENDS[name](source.head, 0) == source.size):
        return []
    data, starts = source.mapped(), [0]
    while (place := _next(data, starts[-1])) is not None:
        starts.append(place)
    return parts(source, starts)


def _next(data: Bytes, place: int) -> int | None:
    """Offset at which the recording behind the one at ``place`` begins; None if there is none."""
    if not BEGINNING.match(data[place : place + BEGINNING_BYTES]):
        return None
    name = data[place : place + 4]
    end = ENDS[name](data, place)
    if end == len(data):
        return None
    if end < len(data) and (found := BEGINNING.search(data[end : end + BETWEEN_BYTES])):
        return end + found.start()
    while (place := data.find(name, place + 1)) >= 0:  # it was cut, or written to a pipe
        if BEGINNING.match(data[place : place + BEGINNING_BYTES]):
            return place
    return None


def _riff(data: Bytes, place: int) -> int:
    return _behind(place + 8, _little(data[place + 4 : place + 8]))


def _rf64(data: Bytes, place: int) -> int:
    """EBU Tech 3306: the size of 64 bits stands in the first chunk, if that of 32 bits is the largest."""
    if data[place + 4 : place + 8] != b"\xff" * 4:
        return _riff(data, place)
    return _behind(place + 8, _little(data[place + 20 : place + 28]))


def _aiff(data: Bytes, place: int) -> int:
    return _behind(place + 8, _big(data[place + 4 : place + 8]))


def _au(data: Bytes, place: int) -> int:
    number = _big if data[place : place + 1] == b"." else _little
    return _behind(place + number(data[place + 4 : place + 8]), number(data[place + 8 : place + 12]))


def _w64(data: Bytes, place: int) -> int:
    return _behind(place, _little(data[place + 16 : place + 24]))


def _caf(data: Bytes, place: int) -> int:
    """Apple's Core Audio Format declares no size of the whole: the end is where no chunk follows."""
    place += 8
    while re.match(rb"[ -~]{4}", name := data[place : place + 4]) and name not in ENDS:
        size = _big(data[place + 4 : place + 12])
        place = UNKNOWN if name == b"data" and size in UNTOLD else place + 12 + size
    return place


def _voc(data: Bytes, place: int) -> int:
    """A chain of blocks, each with its kind and size; the one of kind 0 is a single byte at the end."""
    place += _little(data[place + 20 : place + 22])
    while data[place : place + 1] > b"\0":
        place += 4 + _little(data[place + 1 : place + 4])
    return place + 1


def _ircam(data: Bytes, place: int) -> int:  # noqa: ARG001
    return UNKNOWN


def _wavpack(data: Bytes, place: int) -> int:
    """A chain of blocks, each with its size and the number of its first sample, which is 0 again in the next file."""
    begun = False
    while data[place : place + 4] == b"wvpk":
        number = _little(data[place + 16 : place + 20])
        if begun and number == 0:
            break
        begun = begun or number > 0
        place += 8 + _little(data[place + 4 : place + 8])
    return place


def _tta(data: Bytes, place: int) -> int:
    """The sizes of all frames stand behind the header; one frame holds 256/245 of a second."""
    rate, samples = (_little(data[place + start : place + start + 4]) for start in (10, 14))
    count = -(-samples // max(1, rate * 256 // 245))
    table = data[place + 22 : place + 22 + 4 * count]
    sizes = sum(_little(table[start : start + 4]) for start in range(0, len(table), 4))
    return _behind(place + 26 + 4 * count, sizes)


def _flv(data: Bytes, place: int) -> int:
    """A chain of tags for sound, pictures and text, each with its size."""
    place += 13
    while data[place : place + 1] in (b"\x08", b"\x09", b"\x12"):
        place += 15 + _big(data[place + 1 : place + 4])
    return place


def _behind(place: int, size: int) -> int:
    return UNKNOWN if size in UNTOLD else place + size


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _big(data: bytes) -> int:
    return int.from_bytes(data)


ENDS: dict[bytes, Callable[[Bytes, int], int]] = {
    b"RIFF": _riff,
    b"RF64": _rf64,
    b"BW64": _rf64,
    b"FORM": _aiff,
    b".snd": _au,
    b"dns.": _au,
    b"riff": _w64,
    b"caff": _caf,
    b"Crea": _voc,
    **{b"\x64\xa3%c\0" % machine: _ircam for machine in range(1, 5)},
    b"wvpk": _wavpack,
    b"TTA1": _tta,
    b"FLV\x01": _flv,
}
"""Functions that tell the declared end of the recording at a place, by its first four bytes."""
SHORT = (b"RIFF", b"FORM", b".snd", b"dns.")
"""Those to which the first 12 bytes are enough."""
