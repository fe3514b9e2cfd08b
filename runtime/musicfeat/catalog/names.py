"""Names of files as text: Parquet holds valid Unicode only, file systems hold any bytes."""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

PREFIX = "file://"


def absolute(path: str | os.PathLike[str]) -> str:
    """The absolute path with symbolic links kept, by which a catalog knows a file."""
    return os.path.abspath(path)


def to_text(path: str) -> str:
    """An absolute path if it is valid Unicode, else its percent-encoded file URI (RFC 8089)."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return PREFIX + quote_from_bytes(os.fsencode(path))
    return path


def to_path(text: str) -> str:
    """The inverse of ``to_text``."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(PREFIX))) if text.startswith(PREFIX) else text
