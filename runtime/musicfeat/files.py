"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

PREFIX = ".musicfeat-"
ABANDONED = 3600.0
"""Seconds after which a file that a killed process left half-written is removed by the next that writes beside it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file of the same suffix beside ``path``, which takes its place when the block ends well.

    After an error or a kill ``path`` is what it was. Several processes may write one file: the last to end wins.
    """
    _sweep(path.parent)
    temporary = path.with_name(f"{PREFIX}{os.getpid()}-{path.name[-50:]}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@lru_cache
def _sweep(folder: Path) -> None:
    """Remove what was abandoned; once in a process, since a folder may hold very many files."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
