"""Form of every data set: files, groups that stay together, official splits or folds, and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

Problem = Literal["none", "class", "tags", "number"]
"""Kind of the targets: none; one class an item; several tags, each there, missing or unknown; a number."""


@dataclass(frozen=True)
class Item:
    """A file, or a stretch of one, as the data set lists it."""

    path: str
    """Path relative to the root of the data set."""
    group: str
    """Artist, source or recording: items of one group are never on both sides of a split."""
    split: str = "train"
    """``train``, ``validation``, ``test``; or ``fold1``, ``fold2``... where cross-validation is prescribed."""
    start: float = 0.0
    seconds: float | None = None
    """Length of the stretch; None is the rest of the file."""


@dataclass(frozen=True)
class DataSet:
    """Items with their targets."""

    name: str
    root: Path
    items: list[Item]
    problem: Problem = "none"
    targets: npt.NDArray[np.floating | np.integer] = field(default_factory=lambda: np.zeros(0))
    """Classes: [n] int64. Tags: [n, classes] float32, 1 there, 0 missing, NaN unknown. Numbers: [n] float64."""
    classes: tuple[str, ...] = ()
    font: Path | None = None
    """Sound font that MIDI files are rendered through."""

    @property
    def folds(self) -> list[str]:
        """Folds of cross-validation; empty for fixed splits."""
        return sorted({item.split for item in self.items if item.split.startswith("fold")}, key=lambda f: int(f[4:]))

    def rows(self, wanted: Callable[[Item], bool]) -> npt.NDArray[np.int64]:
        """Indices of the items for which ``wanted`` is true."""
        return np.array([i for i, item in enumerate(self.items) if wanted(item)], dtype=np.int64)

    def split(self, name: str) -> npt.NDArray[np.int64]:
        """Indices of the items of a split or fold.

        Raises:
            InputError: the split has no items.
        """
        found = self.rows(lambda item: item.split == name)
        if not len(found):
            raise InputError(f"data set {self.name!r} at {self.root} has no item in its split {name!r}")
        return found

    @property
    def held_out(self) -> str:
        """Split for judging a pretext task: ``test``, or else ``validation``, which early stopping has seen."""
        return "test" if any(item.split == "test" for item in self.items) else "validation"

    def subset(self, rows: npt.NDArray[np.integer]) -> DataSet:
        """Data set of the items at some indices."""
        targets = self.targets[rows] if len(self.targets) else self.targets
        return replace(self, items=[self.items[i] for i in rows], targets=targets)


def need(path: Path, what: str, where: str) -> Path:
    """Path of a data set's file or folder, which must exist.

    Args:
        path: the file or folder.
        what: the data set, in words, with the project that publishes it.
        where: what to download and where to put it.

    Raises:
        InputError: the path does not exist.
    """
    if not path.exists():
        raise InputError(f"{what} is not at {path}: {where}")
    return path


def held_out_groups(groups: list[str], share: float, seed: int = 7) -> set[str]:
    """Groups held out of sets without a validation split: about ``share`` of them, at least one and never all."""
    names = sorted(set(groups))
    if len(names) < 2:
        raise InputError("a validation split needs at least two groups (artists, sources) of files")
    count = min(len(names) - 1, max(1, round(share * len(names))))
    return set(np.random.default_rng(seed).permutation(names)[:count])
