"""Result of one file."""

from __future__ import annotations

from dataclasses import dataclass

from musicfeat.catalog.credits import NOBODY, Credits
from musicfeat.features import Features


@dataclass(frozen=True)
class FileResult:
    """Result of one file: features or an error."""

    path: str
    size: int | None = None
    mtime_us: int | None = None
    sha256: str | None = None
    features: Features | None = None
    error: str | None = None
    credits: Credits = NOBODY


def failed(path: str, message: object, size: int | None, mtime_us: int | None, sha256: str | None = None) -> FileResult:
    """Result of a file without features; names in the message may hold bytes that are no text."""
    return FileResult(path, size, mtime_us, sha256, error=str(message).encode(errors="backslashreplace").decode())
