"""Files of a folder of music, each with its source."""

from __future__ import annotations

import csv
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from musicfeat.errors import InputError

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


@dataclass(frozen=True)
class Track:
    """A file of a collection; ``source`` is the unit that a split keeps together. Stores give it a place."""

    path: str
    source: str
    start: int = 0
    frames: int = 0


def list_tracks(root: Path, table: Path | None = None, suffixes: AbstractSet[str] = AUDIO_SUFFIXES) -> list[Track]:
    """Tracks of the audio or other files below ``root``; the first folder of a path is its source.

    Args:
        root: folder of the files.
        table: CSV with columns ``path``, ``source`` and optionally ``noncommercial``; rows that say yes there are
            left out. Without a table every file below ``root`` with a suffix is taken.
        suffixes: suffixes of the files, in lower case.

    Raises:
        InputError: the folder is missing or holds no usable file.
    """
    if not root.is_dir():
        raise InputError(
            f"no folder of music at {root}: set `audio`, or the `root` of the set, in the recipe's [data] section"
        )
    if table is not None:
        with table.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("noncommercial") != "yes"]
        tracks = [Track(row["path"], row["source"]) for row in rows]
    else:
        files = sorted(p.relative_to(root) for p in root.rglob("*") if p.suffix.lower() in suffixes)
        tracks = [Track(p.as_posix(), p.parts[0] if len(p.parts) > 1 else p.stem) for p in files]
    if not tracks:
        raise InputError(f"no files found below {root} that end in {', '.join(sorted(suffixes))}")
    return tracks
