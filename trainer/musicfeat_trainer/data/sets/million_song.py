"""Million Song Dataset: 7digital previews with the 50 commonest tags of Last.fm.

Bertin-Mahieux, Ellis, Whitman and Lamere, "The Million Song Dataset", ISMIR 2011. Neither previews nor this split come
from the project itself: the split is that of Choi, Fazekas and Sandler, ISMIR 2016, as filtered by Lee, Park, Kim and
Nam, SMC 2017 (201 680 training, 11 774 validation and 28 435 test tracks).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there
from musicfeat_trainer.data.sets.targets import most_frequent, tag_targets
from musicfeat_trainer.section import Section, expanded

TAGS = 50
SPLITS = {"train", "validation", "test"}
WHERE = (
    "write a CSV with columns path (below the folder), split (train, validation, test) and tags (divided by ;) from "
    "the lists of https://github.com/jongpillee/music_dataset_split (MSD_split), with the previews that you have"
)


class MillionSongSet(Section):
    """Million Song Dataset: the 50 commonest tags of Last.fm, published splits, your own previews."""

    name: Literal["million_song"] = "million_song"
    root: Path
    table: Path = Path("tracks.csv")
    """CSV in the root with columns ``path``, ``split``, ``tags`` (divided by ``;``) and optionally ``artist``."""

    def open(self) -> DataSet:
        """List the tracks of the table; an artist, or else a track, is a group.

        Raises:
            InputError: the table or the audio is missing, or a row is not as described.
        """
        root = expanded(self.root)
        table = need(root / self.table, "the table of the Million Song Dataset", WHERE)
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if wrong := [number for number, row in enumerate(rows, 2) if row.get("split") not in SPLITS]:
            raise InputError(f"line {wrong[0]} of {table} is in none of the splits {sorted(SPLITS)}: {WHERE}")
        if rows and not {"path", "tags"} <= set(rows[0]):
            raise InputError(f"{table} has columns {list(rows[0])}: {WHERE}")
        items = [Item(row["path"], row.get("artist") or row["path"], row["split"]) for row in rows]
        audio_there("the Million Song Dataset", root, [item.path for item in items], WHERE)
        tags = [set((row["tags"] or "").split(";")) - {""} for row in rows]
        classes = most_frequent(tags, TAGS)
        return DataSet("million_song", root, items, "tags", tag_targets(tags, classes), classes)
