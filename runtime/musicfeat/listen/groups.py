"""Groups of a catalog's tracks, by their tags and by the folders that hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from musicfeat.listen.columns import File

TAGS = {"artist": "Artist", "album": "Album", "genre": "Genre"}
MOST_DEPTH = 8


class Groups:
    """Groups by name: "artist", "album", "genre", and from "folder2" on the folders inside the map's sources.

    Args:
        files: the catalog's files.
        folders: the folders that hold each file, outermost first.
    """

    def __init__(self, files: Sequence[File], folders: Sequence[Sequence[str]]) -> None:
        self._files, self._folders = files, folders
        depth = min(MOST_DEPTH, max(map(len, folders), default=0))
        tags = {name: title for name, title in TAGS.items() if any(getattr(file, name) for file in files)}
        self.titles = tags | {f"folder{level}": f"Folder, {level} deep" for level in range(2, depth + 1)}
        """Names of the available groups, with their titles."""

    def __getitem__(self, name: str) -> dict[str, Any]:
        """The ``names`` of the groups, and in ``of`` each track's group number, null for none.

        Raises:
            LookupError: there are no groups of that name.
        """
        if name not in self.titles:
            raise LookupError(f"tracks of this catalog are not grouped by {name[:50]!r}, but by {list(self.titles)}")
        found = list(map(self._of(name), range(len(self._files))))
        names = sorted({one for one in found if one})
        numbers = {one: number for number, one in enumerate(names)}
        return {"names": names, "of": [numbers[one] if one else None for one in found]}

    def told(self, track: int) -> dict[str, str]:
        """The tags of a track."""
        return {name: value for name in ("artist", "album", "genre") if (value := getattr(self._files[track], name))}

    def _of(self, name: str) -> Callable[[int], str | None]:
        if name in TAGS:
            return lambda track: getattr(self._files[track], name)
        level = int(name.removeprefix("folder"))
        return lambda track: next(reversed(self._folders[track][:level]), None)
