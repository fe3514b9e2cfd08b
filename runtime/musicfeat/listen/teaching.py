"""Tags taught on the page: answers of yes and no, stored as examples in the catalog's folder."""

from __future__ import annotations

import csv
from functools import cached_property
from threading import Lock
from typing import Any

from musicfeat.catalog.names import to_path, to_text
from musicfeat.catalog.taught import FOLDER, fill
from musicfeat.catalog.teach import FEWEST, Teacher, read_examples
from musicfeat.errors import CatalogError, InputError
from musicfeat.files import replacing
from musicfeat.heads import NAME
from musicfeat.listen.library import Library

ASKED = 8
"""Tracks shown at once."""
LABELS = ("no", "yes")


class Lessons:
    """Answers by tag name.

    Args:
        library: the catalog.
    """

    def __init__(self, library: Library) -> None:
        self._library, self._changing = library, Lock()
        self._answers: dict[str, dict[int, str]] = {}
        """Tag name -> the teacher's number of a track -> label."""

    def state(self, name: str) -> dict[str, Any]:
        """Progress of a tag, in words, and the tracks to label next.

        Raises:
            InputError: the tag name is not valid.
            CatalogError: scikit-learn is missing, or a part is damaged.
        """
        with self._changing:
            examples = self._examples(name)
            counts = {label: list(examples.values()).count(label) for label in LABELS}
            told, order = None, self._teacher.mixed(list(examples))
            if min(counts.values()) >= FEWEST:
                head, judged = self._teacher.teach(examples, name)
                told, order = str(judged), self._teacher.unsure(head, list(examples))
            following = [self._library.summary(self._numbers[n]) for n in order[:ASKED].tolist() if n in self._numbers]
            return {"name": name, "counts": counts, "told": told, "next": following, "fewest": FEWEST}

    def answer(self, name: str, track: Any, label: Any) -> dict[str, Any]:
        """Store whether a tag holds for a track, in memory and on disk; no label removes an answer.

        Raises:
            InputError: the label is not valid. LookupError: there is no such track. Others as for ``state``.
        """
        if label not in (*LABELS, None):
            raise InputError(f"a label is yes, no or null, got {label!r}"[:200])
        if not isinstance(track, int) or not 0 <= track < len(self._library.columns.files):
            raise LookupError(f"there is no track {track!r}"[:200])
        with self._changing:
            examples = dict(self._examples(name))
            number = self._teacher.tracks.numbers[to_text(self._library.columns.files[track].path)]
            examples.pop(number, None)
            if label:
                examples[number] = label
            self._write(name, examples)
            self._answers[name] = examples
        return self.state(name)

    def finish(self, name: str) -> dict[str, Any]:
        """Add a column of the tag to the catalog. Errors as ``state``; CatalogError if another run is writing to it."""
        with self._changing:
            head, judged = self._teacher.teach(self._examples(name), name)
            fill(self._library.catalog, [head])
            note = f"The catalog has a column {name} now. {judged}"
            return {"note": note, "head": str(self._library.catalog.folder / FOLDER / f"{name}.json")}

    @cached_property
    def _teacher(self) -> Teacher:
        return Teacher(self._library.catalog)

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """The page's number of a track by the teacher's number."""
        known = self._teacher.tracks.numbers
        paths = (to_text(file.path) for file in self._library.columns.files)
        return {known[path]: number for number, path in enumerate(paths) if path in known}

    def _examples(self, name: str) -> dict[int, str]:
        if not NAME.fullmatch(name):
            raise InputError("a tag's name is small letters, digits and _, a letter first")
        if name not in self._answers:
            file = self._library.catalog.folder / FOLDER / f"{name}.csv"
            self._answers[name] = read_examples(file, self._teacher.tracks) if file.exists() else {}
        return self._answers[name]

    def _write(self, name: str, examples: dict[int, str]) -> None:
        folder, tracks = self._library.catalog.folder / FOLDER, self._teacher.tracks
        try:
            folder.mkdir(exist_ok=True)
            if not examples:
                (folder / f"{name}.csv").unlink(missing_ok=True)
                return
            with (
                replacing(folder / f"{name}.csv") as temporary,
                temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
            ):
                rows = [(to_path(tracks.paths[number]), label) for number, label in examples.items()]
                csv.writer(file).writerows([("track", "label"), *rows])
        except OSError as error:
            raise CatalogError(f"answers cannot be kept in {folder}: {error}") from error
