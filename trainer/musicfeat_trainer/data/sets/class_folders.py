"""Folder of audio whose folders name the classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.data.sets.splits import drawn_folds, drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.data.tracks import list_tracks
from musicfeat_trainer.section import Section, expanded


class ClassFoldersSet(Section):
    """Any folder of audio whose first folders name the classes, such as genres; splits or folds drawn by file."""

    name: Literal["class_folders"] = "class_folders"
    root: Path
    table: Path | None = None
    """CSV with columns path and source, which then names the class."""
    fewest: int = Field(7, ge=3)
    """Least number of files of a class; smaller folders are left out."""

    folds: int | None = Field(None, ge=2)
    """Number of folds for cross-validation; None: one split for training, validation and test."""
    seconds: float | None = Field(None, gt=0)
    """Length of each file that is heard, from its beginning; None: all of it."""

    def open(self) -> DataSet:
        """List the files; 70 % of each class train, 15 % validate, 15 % test, or folds, drawn with a fixed seed.

        Raises:
            InputError: the folder is missing, or has fewer than two classes with enough files.
        """
        root = expanded(self.root)
        tracks = list_tracks(root, root / self.table if self.table else None)
        counts = Counter(track.source for track in tracks)
        chosen = [track for track in tracks if counts[track.source] >= self.fewest]
        classes = [track.source for track in chosen]
        if len(set(classes)) < 2:
            raise InputError(f"{root} has {len(set(classes))} folders of {self.fewest} files or more: two are needed")
        targets, names = class_targets(classes)
        paths = [track.path for track in chosen]
        splits = drawn_folds(classes, paths, self.folds) if self.folds else drawn_splits(classes, paths)
        items = [Item(path, path, split, seconds=self.seconds) for path, split in zip(paths, splits, strict=True)]
        return DataSet(self.name, root, items, "class", targets, names)
