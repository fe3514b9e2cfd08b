"""Comparison of files by their sound; each is decoded once while memory lasts."""

from __future__ import annotations

from collections import OrderedDict

from musicfeat.errors import MusicfeatError
from musicfeat.versions.detail import Detail, detail_of
from musicfeat.versions.likeness import Likeness, likeness

FRAMES = 1_000_000
"""Number of frames of detail that are kept: three hours of sound in 80 MB."""


class Listener:
    """Compares files, and remembers those that could not be decoded."""

    def __init__(self) -> None:
        self.failures: dict[str, MusicfeatError] = {}
        self._held: OrderedDict[str, Detail] = OrderedDict()

    def compare(self, first: str, second: str) -> Likeness | None:
        """Likeness of two files; None if one of them cannot be decoded."""
        one, other = self._detail(first), self._detail(second)
        return likeness(one, other) if one and other else None

    def _detail(self, path: str) -> Detail | None:
        if path in self.failures:
            return None
        if path not in self._held:
            try:
                self._held[path] = detail_of(path)
            except MusicfeatError as error:
                error.path = path
                self.failures[path] = error
                return None
        self._held.move_to_end(path)
        while len(self._held) > 2 and sum(map(len, self._held.values())) > FRAMES:
            self._held.popitem(last=False)
        return self._held[path]
