"""Folders, lists, patterns and files as one list of audio files."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from musicfeat.catalog.names import absolute, is_audio
from musicfeat.errors import InputError

LISTS = (".txt", ".lst", ".list", ".m3u", ".m3u8")
Shard = tuple[int, int]
"""(i, n): the i-th of n shares, counted from 0."""


def find(sources: Iterable[str | os.PathLike[str]], shard: Shard = (0, 1)) -> list[str]:
    """The files that sources name, each once, as absolute paths.

    Args:
        sources: each a folder (searched through all its folders, symbolic links followed, sorted); a list (a file
            that ends in .txt, .lst, .list, .m3u or .m3u8, or "-" for standard input: a path a line, or paths
            that end with a zero byte as ``find -print0`` writes them, relative to the list's folder); a pattern
            with * ? [] or **; or a file, which need not exist.
        shard: which share to return; a file's share depends on nothing but its path and n.

    Raises:
        InputError: a folder or list cannot be read, or a pattern matches nothing.
    """
    index, count = shard
    if not 0 <= index < count:
        raise InputError(f"a shard is i/n with i from 0 to n - 1, got {index}/{count}")
    found = dict.fromkeys(absolute(path) for source in sources for path in _expanded(os.fspath(source)))
    return [path for path in found if count == 1 or _share(path, count) == index]


def _share(path: str, count: int) -> int:
    return int.from_bytes(hashlib.blake2b(os.fsencode(path), digest_size=8).digest()) % count


def _expanded(source: str) -> Iterable[str]:
    if source == "-":
        return _lines(sys.stdin.buffer.read(), ".")
    if os.path.isdir(source):
        return _walk(source, set())
    if os.path.isfile(source) and source.lower().endswith(LISTS):
        try:
            return _lines(Path(source).read_bytes(), os.path.dirname(source))
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


def _lines(data: bytes, folder: str) -> list[str]:
    """Paths of a list; lines of an M3U that begin with # are comments."""
    zero = b"\0" in data
    lines = (
        data.split(b"\0") if zero else [line.strip(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    )
    return [os.path.join(folder, os.fsdecode(line)) for line in lines if line and (zero or not line.startswith(b"#"))]


def _walk(folder: str, above: set[tuple[int, int]]) -> Iterator[str]:
    """Audio files below a folder; a folder that holds itself by a symbolic link is not entered again."""
    try:
        state = os.stat(folder)
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error}") from error
    here = state.st_dev, state.st_ino
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            inner = entry.stat()
            if (inner.st_dev, inner.st_ino) not in above | {here}:
                yield from _walk(entry.path, above | {here})
        elif is_audio(entry.name):
            yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reported as a file that cannot be opened, if it has an audio name
        return False
