"""A folder of recorded single notes, each of one instrument."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.splits import drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.section import Section, expanded

WHERE = "write a CSV with columns path, instrument and split (train or heldout), as in docs/training.md"


class NotesSet(Section):
    """Recorded single notes: instruments, train and held-out notes."""

    name: Literal["notes"] = "notes"
    root: Path
    table: Path = Path("notes.csv")
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of each instrument's training notes that validates."""

    def open(self) -> DataSet:
        """List the notes, each its own group; those held out are the test split.

        Raises:
            InputError: the table is missing, or a row is not as described.
        """
        root = expanded(self.root)
        table = need(root / self.table, "the table of notes", WHERE)
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for number, row in enumerate(rows, 2):
            if not row.get("path") or not row.get("instrument") or row.get("split") not in {"train", "heldout"}:
                raise InputError(f"line {number} of {table} is not a note: {WHERE}")
        train = [row for row in rows if row["split"] == "train"]
        paths = [row["path"] for row in train]
        drawn = drawn_splits([row["instrument"] for row in train], paths, self.validation, 0.0)
        splits = dict(zip(paths, drawn, strict=True))
        items = [Item(row["path"], row["path"], splits.get(row["path"], "test")) for row in rows]
        targets, classes = class_targets([row["instrument"] for row in rows])
        return DataSet("notes", root, items, "class", targets, classes)
