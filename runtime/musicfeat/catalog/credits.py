"""Credits of a track: title, artist, album and the like, read from a file's tags without decoding it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any

from musicfeat.errors import CatalogError

LONGEST = 500
"""Greatest number of characters kept of a text; some files hold whole books."""
WHOLE_NUMBERS = range(1, 2**31)


@dataclass(frozen=True)
class Credits:
    """Credits in a file's tags; None for those that are missing."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track_number: int | None = None
    year: int | None = None
    genre: str | None = None
    """Genre; several are joined by "; "."""
    mb_recording_id: str | None = None
    mb_release_id: str | None = None
    mb_artist_id: str | None = None
    """Identifiers of MusicBrainz."""


NOBODY = Credits()
NAMES = tuple(field.name for field in fields(Credits))
NUMBERS = ("track_number", "year")
_SOURCES = {
    "album_artist": "albumartist",
    "track_number": "track",
    "mb_recording_id": "mb_trackid",
    "mb_release_id": "mb_albumid",
    "mb_artist_id": "mb_artistid",
}
"""Names in mediafile of fields that it calls otherwise."""


def read_credits(path: str) -> Credits:
    """The credits of a file, or ``NOBODY`` if it has no tags or damaged ones.

    Raises:
        CatalogError: mediafile is not installed.
    """
    try:
        from mediafile import MediaFile
    except ModuleNotFoundError as error:
        raise CatalogError(f"names of tracks need {error.name}: pip install 'musicfeat[catalog]'") from error
    try:
        found = MediaFile(path)
        values = {name: getattr(found, _SOURCES.get(name, name)) for name in NAMES if name != "genre"}
        return Credits(genre=_text("; ".join(found.genres or ())), **{n: _checked(n, v) for n, v in values.items()})
    except Exception:  # parsers of damaged tags raise anything
        return NOBODY


def name_of(path: str, title: str | None, artist: str | None) -> str:
    """A track's name for people: "Artist - Title", or the name of its file if its tags have no title."""
    if not title:
        return PurePath(path).name
    return f"{artist} - {title}" if artist else title


def _checked(name: str, value: Any) -> Any:
    if name in NUMBERS:
        return value if isinstance(value, int) and value in WHOLE_NUMBERS else None
    return _text(value)


def _text(value: Any) -> str | None:
    """A text of one line that Parquet can hold; None for an empty one."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = "; ".join(map(str, value))
    if value is None:
        return None
    words = " ".join(str(value).encode(errors="replace").decode().replace("\0", " ").split())
    return words[:LONGEST] or None
