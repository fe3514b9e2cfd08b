"""MagnaTagATune: 25 863 clips of 29 s with tags from a game.

Law, West, Mandel, Bay and Downie, "Evaluation of algorithms using games: the case of music tagging", ISMIR 2009.
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

SPLITS = dict.fromkeys("0123456789ab", "train") | {"c": "validation"} | dict.fromkeys("def", "test")
"""Splits by a clip's folder, customary since van den Oord, Dieleman and Schrauwen, ISMIR 2014."""
TAGS = 50
WHERE = (
    "download annotations_final.csv and mp3.zip.001 to .003 of "
    "https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset, join and unpack the latter there (folders 0 to f)"
)


class MagnaTagATuneSet(Section):
    """MagnaTagATune: the 50 commonest tags, split by folder."""

    name: Literal["magnatagatune"] = "magnatagatune"
    root: Path

    def open(self) -> DataSet:
        """List the clips; those of one recording are a group.

        The tags are the 50 that most clips have. Clips with none of them are left out, as in the filtered lists of
        Lee, Park, Kim and Nam, "Sample-level deep convolutional neural networks", SMC 2017, which CLMR follows.

        Raises:
            InputError: the annotations or the audio are missing.
        """
        root = expanded(self.root)
        clips = read_annotations(need(root / "annotations_final.csv", "MagnaTagATune", WHERE))
        classes = most_frequent(list(clips.values()), TAGS)
        tagged = {path: tags for path, tags in clips.items() if tags & set(classes)}
        items = [Item(path, path.removesuffix(".mp3").rsplit("-", 2)[0], SPLITS[path[0]]) for path in tagged]
        audio_there("MagnaTagATune", root, list(tagged), WHERE)
        return DataSet("magnatagatune", root, items, "tags", tag_targets(list(tagged.values()), classes), classes)


def read_annotations(table: Path) -> dict[str, set[str]]:
    """Tags of clips by path, from columns divided by tabs: the clip's number, a 0 or 1 for each tag, a path.

    Raises:
        InputError: the table has another form.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file, delimiter="\t")
        names = next(rows, [])
        if names[:1] != ["clip_id"] or names[-1:] != ["mp3_path"]:
            raise InputError(f"{table} does not begin with clip_id and end with mp3_path: {WHERE}")
        return {row[-1]: {n for n, there in zip(names[1:-1], row[1:-1], strict=True) if there == "1"} for row in rows}
