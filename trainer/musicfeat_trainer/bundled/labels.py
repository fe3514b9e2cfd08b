"""Instruments heard in a stretch of a track: from notes, or from one label for a whole clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from musicfeat_trainer.instruments import OPENMIC

LEAST_SECONDS = 0.1
"""Least time that an instrument must sound in a stretch to be taught as there; if it sounds for less, it is unknown."""

Vector = npt.NDArray[np.float32]


class Label(NamedTuple):
    """Presence of each of the 20 instruments, and whether that is known; both [20], 0 or 1."""

    there: Vector
    known: Vector


UNKNOWN = Label(np.zeros(len(OPENMIC), np.float32), np.zeros(len(OPENMIC), np.float32))


class Labels(Protocol):
    """Source of the instruments of the tracks of one collection."""

    def window(self, path: str, start: float, end: float) -> Label:
        """Label of the track at ``path`` from ``start`` to ``end``, in seconds."""
        ...


class NoteLabels:
    """Labels of rendered music, from the notes of each track.

    Args:
        notes: notes of each path, [n, 4], see ``musicfeat_trainer.data.midi``.
        teachable: instruments that can be known; all others stay unknown.
    """

    def __init__(self, notes: Mapping[str, npt.NDArray[np.float32]], teachable: Iterable[str]) -> None:
        self.notes = notes
        self.teachable = np.isin(OPENMIC, list(teachable))

    @classmethod
    def read(cls, root: Path, paths: Iterable[str], teachable: Iterable[str]) -> NoteLabels:
        """Labels from the files ``NAME.npy`` that ``render`` writes beside the audio."""
        return cls({path: np.load((root / path).with_suffix(".npy")) for path in paths}, teachable)

    def window(self, path: str, start: float, end: float) -> Label:
        """An instrument is there if its notes sound for ``LEAST_SECONDS``, and known to be missing if none does."""
        notes = self.notes[path]
        overlap = np.minimum(notes[:, 1], end) - np.maximum(notes[:, 0], start)
        heard, which, sure = overlap > 0, notes[:, 2].astype(np.int64), notes[:, 3] > 0
        seconds = np.bincount(which[heard & sure], overlap[heard & sure], len(OPENMIC))
        perhaps = np.bincount(which[heard], minlength=len(OPENMIC)) > 0
        there = seconds >= min(LEAST_SECONDS, (end - start) / 4)
        known = self.teachable & (there | ~perhaps)
        return Label((there & known).astype(np.float32), known.astype(np.float32))


class ClipLabels:
    """One label for the whole of each track, as in OpenMIC-2018."""

    def __init__(self, labels: dict[str, Label]) -> None:
        self.labels = labels

    def window(self, path: str, start: float, end: float) -> Label:  # noqa: ARG002
        """Label of the whole track, the same for any stretch."""
        return self.labels[path]
