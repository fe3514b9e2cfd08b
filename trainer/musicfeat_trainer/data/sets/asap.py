"""ASAP: piano performances as MIDI with annotated beats and key signatures; clips of a few seconds with four tasks.

Foscarin, McLeod, Rigaux, Jacquemard and Sakai, "ASAP: a dataset of aligned scores and performances for piano
transcription", ISMIR 2020. The tasks and the clips of 3 s are those of Gururani, Lerch and Bretan, "A Comparison of
Music Input Domains for Self-Supervised Feature Learning", 2019, which had other performances of classical music.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.asap_annotations import KEYS, Annotations, onsets, read_annotations
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.splits import drawn_splits
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.section import Section, expanded

WHERE = "clone https://github.com/fosfrancesco/asap-dataset there"
FEWEST_PIECES = 3
"""Least number of a composer's pieces in the composer task: one for each split."""


class Performance(NamedTuple):
    """A row of ``metadata.csv``."""

    path: str
    annotations: str
    composer: str
    piece: str


class ASAPSet(Section):
    """ASAP: piano performances as MIDI; composer, key signature, tempo or note density of clips."""

    name: Literal["asap"] = "asap"
    root: Path
    task: Literal["composer", "key", "tempo", "note_density"] = "composer"
    """Target: twelve key signatures by the tonic of their major key, tempo in BPM, density in notes/s, or composer."""
    seconds: float = Field(3.0, gt=0)
    """Seconds of a clip."""
    clips_per_performance: int = Field(10, ge=1)
    font: Path | None = None
    """Sound font to render with."""

    def open(self) -> DataSet:
        """List clips, evenly spread between the first and the last beat; a piece is a group.

        Splits are drawn by piece for each composer (70/15/15), with a fixed seed.

        Raises:
            InputError: the data set is missing.
        """
        root = expanded(self.root)
        items, labels = [], list[float | str]()
        for performance, split in self._performances(root):
            beats = read_annotations(root / performance.annotations)
            starts = self._starts(beats)
            items += [Item(performance.path, performance.piece, split, at, self.seconds) for at in starts]
            labels += self._labels(performance, beats, starts, root)
        found = DataSet(self.name, root, items, font=expanded(self.font) if self.font else None)
        return self._with_targets(found, labels)

    def _performances(self, root: Path) -> list[tuple[Performance, str]]:
        """Performances of the task with their splits, which are the same for all tasks."""
        table = read_performances(root)
        splits = drawn_splits([p.composer for p in table], [p.piece for p in table])
        fewest = FEWEST_PIECES if self.task == "composer" else 1
        enough = [pieces >= fewest for pieces in _pieces(table)]
        return list(compress(zip(table, splits, strict=True), enough))

    def _starts(self, beats: Annotations) -> list[float]:
        """First seconds of clips that lie within the annotated beats and do not overlap."""
        first, last = float(beats.times[0]), float(beats.times[-1])
        count = min(self.clips_per_performance, int((last - first) / self.seconds))
        return np.linspace(first, last - self.seconds, max(count, 0)).round(3).tolist()

    def _labels(self, of: Performance, beats: Annotations, starts: list[float], root: Path) -> list[float | str]:
        if self.task == "composer":
            return [of.composer] * len(starts)
        if self.task == "key":
            return [beats.key(at + self.seconds / 2) for at in starts]
        if self.task == "tempo":
            return [beats.tempo(at, at + self.seconds) for at in starts]
        bounds = np.add.outer(np.array(starts), [0.0, self.seconds])
        return (np.diff(np.searchsorted(onsets(root / of.path), bounds))[:, 0] / self.seconds).tolist()

    def _with_targets(self, found: DataSet, labels: list[float | str]) -> DataSet:
        if self.task in {"composer", "key"}:
            targets, classes = class_targets([str(label) for label in labels], KEYS if self.task == "key" else ())
            return replace(found, problem="class", targets=targets, classes=classes)
        return replace(found, problem="number", targets=np.array(labels, dtype=np.float64))


def read_performances(root: Path) -> list[Performance]:
    """Performances of ``metadata.csv`` whose MIDI file and annotations are there.

    Raises:
        InputError: the table is missing, or no performance is there.
    """
    with need(root / "metadata.csv", "ASAP", WHERE).open(newline="", encoding="utf-8") as file:
        rows = [
            Performance(
                row["midi_performance"],
                row["performance_annotations"],
                row["composer"],
                f"{row['composer']} {row['title']}",
            )
            for row in csv.DictReader(file)
        ]
    there = [row for row in rows if (root / row.path).is_file() and (root / row.annotations).is_file()]
    if not there:
        raise InputError(f"no performance of ASAP is below {root}: {WHERE}")
    return there


def _pieces(table: list[Performance]) -> list[int]:
    """Number of pieces by each performance's composer."""
    pieces: dict[str, set[str]] = defaultdict(set)
    for performance in table:
        pieces[performance.composer].add(performance.piece)
    return [len(pieces[performance.composer]) for performance in table]
