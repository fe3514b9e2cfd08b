"""List of the audio files in folders, lists and patterns."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from musicfeat.catalog.entries import M3U, entries
from musicfeat.catalog.ignore import not_ignored
from musicfeat.catalog.names import absolute
from musicfeat.errors import InputError
from musicfeat.sound.names import is_audio, is_hidden

LISTS = (".txt", ".lst", ".list", *M3U)
HIDDEN, NO_AUDIO = "hidden", "not audio by their names"
"""Reasons why an entry of a folder is passed over."""
Shard = tuple[int, int]
"""(i, n): the i-th of n shares, counted from 0."""


def find(
    sources: Iterable[str | os.PathLike[str]], shard: Shard = (0, 1), passed: Counter[str] | None = None
) -> list[str]:
    """The files that sources name, each once, as absolute paths.

    Args:
        sources: folders (searched with all their subfolders, symbolic links followed, sorted, without the files that
            their ``.musicfeatignore`` matches); lists (files that end in .txt, .lst, .list, .m3u or .m3u8, or "-" for
            standard input: one path a line, or paths that end with a zero byte as ``find -print0`` writes them,
            relative to the list's folder); patterns with * ? [] or **; or files, which need not exist.
        shard: the share to return; a file's share depends only on its path and n.
        passed: counts the entries of folders that are passed over, by reason; a hidden folder counts as one.

    Raises:
        InputError: a folder or list cannot be read, or a pattern matches nothing.
    """
    index, count = shard
    if not 0 <= index < count:
        raise InputError(f"a shard is i/n with i from 0 to n - 1, got {index}/{count}")
    counter = Counter[str]() if passed is None else passed
    names = (os.fsdecode(source) for source in sources)
    found = dict.fromkeys(absolute(path) for name in names for path in _expanded(name, counter))
    return [path for path in found if count == 1 or _share(path, count) == index]


def _share(path: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(os.fsencode(path), digest_size=8).digest()) % count


def _expanded(source: str, passed: Counter[str]) -> Iterable[str]:
    if source == "-":
        return entries(sys.stdin.buffer.read(), source)
    if os.path.isdir(source):
        return not_ignored(source, _walk(source, passed))
    if os.path.isfile(source) and source.lower().endswith(LISTS):
        try:
            return entries(Path(source).read_bytes(), source)
        except OSError as error:
            raise InputError(f"the list {source} cannot be read: {error}") from error
    if glob.has_magic(source) and not os.path.lexists(source):
        return _matches(source)
    return [source]


def _matches(pattern: str) -> list[str]:
    names = [name for name in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(name)]
    if not names:
        raise InputError(f"no file matches {pattern}")
    return names


def _walk(top: str, passed: Counter[str]) -> Iterator[str]:
    """Audio files below a folder, sorted; a folder that contains itself by a symbolic link is not entered again.

    A subfolder that cannot be read is listed as if it were a file: it fails as one, and stops nothing.
    """
    try:
        above = [(_entries(top), _identity(top))]
    except OSError as error:
        raise InputError(f"the folder {top} cannot be read: {error}") from error
    while above:
        entry = next(above[-1][0], None)
        if entry is None:
            above.pop()
        elif reason := _passed_over(entry):
            passed[reason] += 1
        elif not _is_folder(entry) or (inner := _opened(entry)) is None:
            yield entry.path
        elif inner[1] not in [identity for _, identity in above]:
            above.append(inner)


def _passed_over(entry: os.DirEntry[str]) -> str | None:
    """Reason to pass over an entry of a folder; None for a folder or an audio file."""
    if is_hidden(entry.name):
        return HIDDEN
    return None if _is_folder(entry) or is_audio(entry.name) else NO_AUDIO


def _opened(entry: os.DirEntry[str]) -> tuple[Iterator[os.DirEntry[str]], tuple[int, int]] | None:
    """A folder's entries and its identity; None if it cannot be read."""
    try:
        return _entries(entry.path), _identity(entry.path)
    except OSError:
        return None


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return iter(sorted(found, key=lambda entry: entry.name))


def _identity(folder: str) -> tuple[int, int]:
    state = os.stat(folder)
    return state.st_dev, state.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reported as a file that cannot be opened, if it has an audio name
        return False
