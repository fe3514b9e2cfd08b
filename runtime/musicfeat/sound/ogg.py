"""Chained Ogg files: recordings joined end to end, each with its own headers; decoders read only the first.

RFC 3533, section 4: a link begins with pages that are marked as beginning a stream, behind pages that are not.
"""

from __future__ import annotations

import mmap

from musicfeat.sound.arguments import Source
from musicfeat.sound.parts import SourcePart, parts

CAPTURE = b"OggS"
BEGINS = 2
HEADER = 27
"""Bytes of a page's header before the table of its segments' sizes."""


def links(source: Source) -> list[SourcePart]:
    """Each link of a chain; empty for a single link and for a file that is no Ogg."""
    return parts(source, _starts(source.mapped())) if source.head[:4] == CAPTURE else []


def _starts(data: mmap.mmap | bytes) -> list[int]:
    """Offsets at which links begin, found by walking from page to page."""
    starts, place, begun = list[int](), 0, False
    while place >= 0 and place + HEADER <= len(data):
        if data[place : place + 4] != CAPTURE:
            place = data.find(CAPTURE, place + 1)
            continue
        begins = bool(data[place + 5] & BEGINS)
        if begins and not begun:
            starts.append(place)
        begun = begins
        table = place + HEADER
        segments = data[place + HEADER - 1]
        place = table + segments + sum(data[table : table + segments])
    return starts
