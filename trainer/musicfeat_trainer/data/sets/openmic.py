"""OpenMIC-2018: 20 000 clips of 10 s, each labelled for some of 20 instruments.

Humphrey, Durand and McFee, "OpenMIC-2018: an open data-set for multiple instrument recognition", ISMIR 2018.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there, entries, relative
from musicfeat_trainer.data.sets.openmic_labels import TABLE, read_labels
from musicfeat_trainer.data.sets.splits import with_validation
from musicfeat_trainer.instruments import OPENMIC
from musicfeat_trainer.section import Section, expanded

FILES = ("openmic-2018-metadata.csv", TABLE, "partitions/split01_train.csv")
SPLITS = {"split01_train": "train", "split01_test": "test"}
WHERE = "unpack openmic-2018-v1.0.0.tgz of https://zenodo.org/records/1432913 and name its folder openmic-2018 as root"


class OpenMICSet(Section):
    """OpenMIC-2018: 20 instruments, partly labelled, published train and test splits."""

    name: Literal["openmic"] = "openmic"
    root: Path
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the training artists for validation; the published splits have none."""

    def open(self) -> DataSet:
        """List the clips; an artist is a group.

        Raises:
            InputError: the data set, its index or ``mirdata`` is missing, or a clip is in neither split.
        """
        root = expanded(self.root)
        for file in FILES:
            need(root / file, "OpenMIC-2018", WHERE)
        tracks = entries("mirdata", "openmic2018", root)
        if lost := [name for name, track in tracks.items() if track.split not in SPLITS]:
            raise InputError(f"OpenMIC-2018 at {root} has {len(lost)} clips in no split ({lost[0]}...): {WHERE}")
        items = [Item(relative(t, root), str(t.artist), SPLITS[t.split]) for t in tracks.values()]
        audio_there("OpenMIC-2018", root, [item.path for item in items], WHERE)
        labels, unknown = read_labels(root), np.full(len(OPENMIC), np.nan, np.float32)
        targets = np.stack([labels.get(key, unknown) for key in tracks])
        return DataSet("openmic", root, with_validation(items, self.validation), "tags", targets, OPENMIC)


def fma_tracks(root: Path) -> set[int]:
    """Numbers of the FMA tracks that the clips come from: a clip is named ``TRACK_START``.

    Raises:
        InputError: a list of the published split is missing.
    """
    lists = [need(root / "partitions" / f"{split}.csv", "OpenMIC-2018", WHERE) for split in SPLITS]
    return {int(key.split("_")[0]) for table in lists for key in table.read_text().split()}
