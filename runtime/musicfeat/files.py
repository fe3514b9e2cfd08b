"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from musicfeat.errors import InputError

PREFIX = ".musicfeat-"
ABANDONED = 3600.0
"""Seconds after which a half-written file of a killed process is removed by the next write in the folder."""

NOTHING_TO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR)
"""Errors of file systems that cannot sync a folder: network shares, those of virtual machines, some of FUSE."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A hidden file with the suffix of ``path`` in its folder; it replaces ``path`` when the block ends without error.

    After an error or a kill ``path`` is unchanged. Several processes may write one file: the last to end wins.
    """
    _sweep(path.parent)
    temporary = path.with_name(f"{PREFIX}{os.getpid()}-{path.name[-50:]}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """As ``replacing``, for a file that a user has named.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        with replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise InputError(f"cannot write {path}: {error}") from error


@contextmanager
def needing_temporary() -> Iterator[None]:
    """Raise InputError with advice if there is no folder for temporary files."""
    try:
        yield
    except OSError as error:
        raise InputError(f"no temporary folder can be made ({error}): set TMPDIR to one that can be written") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is removed when the block ends.

    Raises:
        InputError: there is no folder for temporary files.
    """
    with needing_temporary():
        folder = tempfile.TemporaryDirectory(prefix="musicfeat-", ignore_cleanup_errors=True)
    with folder as name:
        yield Path(name)


def unused(stem: str, taken: set[str]) -> str:
    """The stem, with a number if another file has it on a system that ignores case; it is added to ``taken``."""
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem} ({number})"
    taken.add(name.casefold())
    return name


@lru_cache
def _sweep(folder: Path) -> None:
    """Remove abandoned files; once in a process, since a folder may hold very many files."""
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk, if the file system can."""
    if os.name == "nt":  # Windows can sync neither a file open for reading nor a folder
        return
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NOTHING_TO_SYNC or not path.is_dir():
            raise
