"""Lists of tracks as commands print them: names for people, JSON, playlists."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

WHO = ("title", "artist", "album")


def shown(row: Mapping[str, Any]) -> str:
    """A row of ``Tracks`` for people: its name, or its whole path if it has no title."""
    return str(row["name"] if row["title"] else row["path"])


def who(row: Mapping[str, Any]) -> dict[str, Any]:
    """The tags of a track, for JSON."""
    return {name: row[name] for name in WHO if row[name]}


def m3u(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """An extended M3U: track names in UTF-8, file names byte for byte as in the file system.

    A file whose name spans several lines gets a URL.
    """
    lines = ["#EXTM3U"]
    for row in rows:
        if row["title"]:
            lines.append(f"#EXTINF:{round(row['duration'] or -1)},{row['name']}")
        path = str(row["path"])
        lines.append(Path(path).as_uri() if {"\n", "\r"} & set(path) else path)
    return b"".join(os.fsencode(line) + b"\n" for line in lines)


def print_bytes(data: bytes) -> None:
    """Write bytes to stdout, after anything printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
