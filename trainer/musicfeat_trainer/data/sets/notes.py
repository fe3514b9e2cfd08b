"""Folder of recorded single notes, each of one instrument."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.splits import drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.section import Section, expanded

WHERE = "write a CSV with columns path, instrument and split (train or heldout), as in docs/training.md"


class RecordedNote(NamedTuple):
    """A row of the table of notes."""

    path: str
    """Path relative to the folder of notes."""
    instrument: str
    split: str
    """Split: ``train`` or ``heldout``."""


def listed_notes(table: Path) -> list[RecordedNote]:
    """Rows of a table of notes.

    Raises:
        InputError: the table is missing, or a row is not as described.
    """
    with need(table, "the table of notes", WHERE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, 2):
        if not row.get("path") or not row.get("instrument") or row.get("split") not in {"train", "heldout"}:
            raise InputError(f"line {number} of {table} is not a note: {WHERE}")
    return [RecordedNote(row["path"], row["instrument"], row["split"]) for row in rows]


class NotesSet(Section):
    """Recorded single notes: instruments, train and held-out notes."""

    name: Literal["notes"] = "notes"
    root: Path
    table: Path = Path("notes.csv")
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of each instrument's training notes for validation."""

    def open(self) -> DataSet:
        """List the notes, each its own group; held-out notes are the test split.

        Raises:
            InputError: the table is missing, or a row is not as described.
        """
        root = expanded(self.root)
        notes = listed_notes(root / self.table)
        train = [note for note in notes if note.split == "train"]
        paths = [note.path for note in train]
        drawn = drawn_splits([note.instrument for note in train], paths, self.validation, 0.0)
        splits = dict(zip(paths, drawn, strict=True))
        items = [Item(note.path, note.path, splits.get(note.path, "test")) for note in notes]
        targets, classes = class_targets([note.instrument for note in notes])
        return DataSet("notes", root, items, "class", targets, classes)
