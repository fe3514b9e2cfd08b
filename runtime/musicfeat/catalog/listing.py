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

M3U = (".m3u", ".m3u8")
LISTS = (".txt", ".lst", ".list", *M3U)
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
        return _lines(sys.stdin.buffer.read(), source)
    if os.path.isdir(source):
        return _walk(source)
    if os.path.isfile(source) and source.lower().endswith(LISTS):
        try:
            return _lines(Path(source).read_bytes(), source)
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


def _lines(data: bytes, source: str) -> list[str]:
    """Paths of a list; in an M3U, which is one by its name or begins with #EXTM3U, lines with # are comments."""
    if b"\0" in data:
        lines = data.split(b"\0")
    else:
        lines = [line.rstrip(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    if source.lower().endswith(M3U) or lines[0].startswith(b"#EXTM3U"):
        lines = [line for line in lines if not line.startswith(b"#")]
    return [os.path.join(os.path.dirname(source), os.fsdecode(line)) for line in lines if line]


def _walk(top: str) -> Iterator[str]:
    """Audio files below a folder, sorted; a folder that holds itself by a symbolic link is not entered again.

    A folder below that cannot be read is named as if it were a file: it fails as one, and stops nothing.
    """
    try:
        above = [(_entries(top), _identity(top))]
    except OSError as error:
        raise InputError(f"the folder {top} cannot be read: {error}") from error
    while above:
        entry = next(above[-1][0], None)
        if entry is None:
            above.pop()
        elif _is_folder(entry):
            try:
                inner = _entries(entry.path), _identity(entry.path)
            except OSError:
                yield entry.path
                continue
            if inner[1] not in [identity for _, identity in above]:
                above.append(inner)
        elif is_audio(entry.name):
            yield entry.path


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return iter(sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name))


def _identity(folder: str) -> tuple[int, int]:
    state = os.stat(folder)
    return state.st_dev, state.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: reported as a file that cannot be opened, if it has an audio name
        return False
