"""FMA: tracks of the Free Music Archive by genre; small, medium and large hold excerpts of 30 s.

Defferrard, Benzi, Vandergheynst and Bresson, "FMA: a dataset for music analysis", ISMIR 2017.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there
from musicfeat_trainer.data.sets.openmic import fma_tracks
from musicfeat_trainer.data.sets.targets import class_targets, tag_targets
from musicfeat_trainer.section import Section, expanded

Subset = Literal["small", "medium", "large"]
NESTED: tuple[Subset, ...] = ("small", "medium", "large")
"""Subsets, each of which contains those before it; a track is marked with the smallest."""
SPLITS = {"training": "train", "validation": "validation", "test": "test"}
COLUMNS = (("artist", "id"), ("set", "subset"), ("set", "split"), ("track", "genre_top"))
WHERE = "unpack fma_metadata.zip and fma_{subset}.zip of https://github.com/mdeff/fma there"


class FMATrack(NamedTuple):
    """A row of ``tracks.csv``."""

    number: int
    artist: str
    subset: str
    split: str
    genre: str
    """Top genre, or empty."""


class FMASet(Section):
    """FMA small, medium or large: genres, published train, validation and test splits."""

    name: Literal["fma"] = "fma"
    root: Path
    subset: Subset = "small"
    exclude: Path | None = None
    """Folder of OpenMIC-2018, whose clips come from FMA: their tracks are left out, so that none leaks."""

    def open(self) -> DataSet:
        """List the tracks; an artist is a group.

        The class is the top genre (8 in small, 16 in medium). Many tracks of large have none; there the top genres
        are tags, all of them unknown for such a track.

        Raises:
            InputError: the metadata, the subset's audio, or the folder of OpenMIC-2018 is missing.
        """
        root, where = expanded(self.root), WHERE.format(subset=self.subset)
        wanted = NESTED[: NESTED.index(self.subset) + 1]
        left_out = fma_tracks(expanded(self.exclude)) if self.exclude else set()
        table = read_tracks(need(root / "fma_metadata" / "tracks.csv", "FMA", where))
        tracks = [track for track in table if track.subset in wanted and track.number not in left_out]
        items = [Item(self._path(track.number), track.artist, SPLITS[track.split]) for track in tracks]
        audio_there(f"FMA-{self.subset}", root, [item.path for item in items], where)
        name = f"fma-{self.subset}{'-without-openmic' if self.exclude else ''}"
        genres = [track.genre for track in tracks]
        if "" not in genres:
            targets, classes = class_targets(genres)
            return DataSet(name, root, items, "class", targets, classes)
        classes = tuple(sorted(set(genres) - {""}))
        tags = tag_targets([{genre} for genre in genres], classes)
        tags[np.array(genres) == ""] = np.nan
        return DataSet(name, root, items, "tags", tags, classes)

    def _path(self, number: int) -> str:
        return f"fma_{self.subset}/{number // 1000:03}/{number:06}.mp3"


def read_tracks(table: Path) -> list[FMATrack]:
    """Rows of ``tracks.csv``, below two rows with names of columns and a third with that of the first column.

    Raises:
        InputError: a column is missing, or a row is damaged.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = list(zip(next(rows, []), next(rows, []), strict=False))
        next(rows, [])
        if missing := set(COLUMNS) - set(names):
            raise InputError(f"{table} has no columns {sorted(missing)}: it is not the tracks.csv of FMA")
        places = [names.index(name) for name in COLUMNS]
        try:
            tracks = [FMATrack(int(row[0]), *(row[place] for place in places)) for row in rows]
        except (ValueError, IndexError) as error:
            raise InputError(f"line {rows.line_num} of {table} is damaged: {error}") from error
    if unknown := {track.split for track in tracks} - set(SPLITS):
        raise InputError(f"{table} has splits {sorted(unknown)}, expected {sorted(SPLITS)}")
    return tracks
