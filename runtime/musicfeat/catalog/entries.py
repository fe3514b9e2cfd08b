"""Paths in lists and playlists, as written by any program."""

from __future__ import annotations

import codecs
import os
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

M3U = (".m3u", ".m3u8")
FILE_URI = b"file:"


def entries(data: bytes, source: str) -> list[str]:
    """Paths of a list; relative ones are joined to its folder.

    An M3U has that suffix or begins with #EXTM3U; its lines with # are comments. Paths may end with a zero byte instead
    of a line break. UTF-16, as PowerShell writes it, is recognised by its mark or by the zeros in each letter.
    """
    data = _as_utf8(data)
    if b"\0" in data:
        lines = data.split(b"\0")
    else:
        lines = [line.rstrip(b"\r") for line in data.removeprefix(codecs.BOM_UTF8).split(b"\n")]
    if source.lower().endswith(M3U) or lines[0].startswith(b"#EXTM3U"):
        lines = [line.strip() for line in lines if not line.startswith(b"#")]
    folder = os.path.dirname(source)
    return [_resolved(line, folder) for line in lines if line]


def _as_utf8(data: bytes) -> bytes:
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    plain = len(data) > 3 and len(data) % 2 == 0 and not any(data[1::2]) and all(data[::2])
    if not marked and not plain:
        return data
    text = data.decode("utf-16" if marked else "utf-16-le", errors="surrogatepass")
    return text.encode(errors="surrogatepass")


def _resolved(line: bytes, folder: str) -> str:
    """The first reading of a line that is an existing path; the plain one if there is none."""
    readings = [os.path.join(folder, reading) for reading in _readings(line)]
    return next((path for path in readings if os.path.lexists(path)), readings[0])


def _readings(line: bytes) -> Iterator[str]:
    if line[:5].lower() == FILE_URI:
        rest = line[5:].removeprefix(b"//")
        line = unquote_to_bytes(rest if rest.startswith(b"/") else b"/" + rest.partition(b"/")[2])
        yield os.fsdecode(line)
    for plain in (line, unquote_to_bytes(line)):
        name = os.fsdecode(plain)
        yield name
        yield unicodedata.normalize("NFC", name)
        yield unicodedata.normalize("NFD", name)
        yield name.replace("\\", "/")
        yield plain.decode("cp1252", errors="replace")
