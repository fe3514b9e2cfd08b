"""Locations of a catalog's files, and the rules for serving them."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from musicfeat.catalog.credits import name_of
from musicfeat.catalog.workers.file_state import state
from musicfeat.errors import AudioError, InputError
from musicfeat.listen.columns import File


class Files:
    """The files of a catalog by number.

    A file may be served if the catalog lists it, it is a regular file, and no symbolic link leads it elsewhere:
    a path through links is accepted if it ends below the folder of all files (or the audio root), or if its
    size and modification time are those in the catalog, as for a library made of links.

    Args:
        files: the files as the catalog lists them.
        audio_root: folder in place of the one that held all files when the catalog was made.

    Raises:
        InputError: the audio root is no folder.
    """

    def __init__(self, files: Sequence[File], audio_root: Path | None = None) -> None:
        if audio_root is not None and not audio_root.is_dir():
            raise InputError(f"the audio root {audio_root} is not a folder: name the one that holds the files now")
        self._files = files
        self._common = _common([file.path for file in files])
        self._root = os.path.abspath(audio_root) if audio_root else self._common
        self._inner = [os.path.relpath(file.path, self._common) if self._common else file.path for file in files]
        self.names = [
            printable(name_of(path, file.title, file.artist)) for path, file in zip(self._inner, files, strict=True)
        ]
        sources = [printable(path.split(os.sep)[0]) if os.sep in path else "" for path in self._inner]
        self.sources = sorted(set(sources))
        """Names of the folders directly in the folder of all files; "" is that folder itself."""
        numbers = {name: number for number, name in enumerate(self.sources)}
        self.source_of = [numbers[name] for name in sources]

    def source(self, track: int) -> str:
        """The folder that a track came from."""
        return self.sources[self.source_of[track]]

    @cached_property
    def folders(self) -> list[list[str]]:
        """The folders that hold each track, each with its parents, from the folder of all files down."""
        parts = (printable(os.path.dirname(path)).split(os.sep) for path in self._inner)
        return [["/".join(some[:depth]) for depth in range(1, len(some) + 1) if some[0]] for some in parts]

    def path(self, track: int) -> str:
        """The expected path of a file now."""
        return os.path.join(self._root, self._inner[track])

    def shown(self, track: int) -> str:
        """The same path, for people and playlists."""
        return printable(self.path(track))

    def key(self, track: int) -> str:
        """The text that a search for names examines."""
        file = self._files[track]
        return " ".join(filter(None, (printable(self._inner[track]), file.artist, file.title, file.album))).casefold()

    def present(self, track: int) -> bool:
        """True if a file may be served."""
        return self._refusal(track) is None

    def missing(self) -> int:
        """Number of files that cannot be served; checks each in the file system."""
        return sum(not self.present(track) for track in range(len(self._files)))

    def checked(self, track: int) -> str:
        """The path of a file that may be served.

        Raises:
            AudioError: the file may not be served, or is missing.
        """
        refusal = self._refusal(track)
        if refusal:
            raise AudioError(refusal)
        return self.path(track)

    def open(self, track: int) -> int:
        """A handle of a file that may be served, the same file that was checked.

        Raises:
            AudioError: the file may not be served, or is missing.
        """
        path = self.checked(track)
        real = os.path.realpath(path)
        try:
            handle = os.open(real, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise AudioError(f"{printable(path)} cannot be opened: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode) or self._refusal(track) or os.path.realpath(path) != real:
            os.close(handle)
            raise AudioError(f"{printable(path)} changed while it was opened: try again")
        return handle

    def _refusal(self, track: int) -> str | None:
        path = self.path(track)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return f"{printable(path)} is not a regular file"
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return f"{printable(path)} is not there; if the files were moved, start with --audio-root FOLDER"
        if real == path or self._within(real) or state(path) == (self._files[track].size, self._files[track].mtime_us):
            return None
        return (
            f"{printable(path)} leads out of the folder of the catalog's files by a symbolic link, to a file that the "
            "catalog does not know: put the file in its place, or embed it again"
        )

    def _within(self, real: str) -> bool:
        root = os.path.realpath(self._root)
        return os.path.dirname(root) != root and os.path.commonpath([root, real]) == root


def printable(text: str) -> str:
    """A name as valid Unicode."""
    return os.fsencode(text).decode(errors="replace")


def _common(paths: Sequence[str]) -> str:
    try:
        return os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    except ValueError:  # on several drives
        return ""
