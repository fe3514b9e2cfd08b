"""DCASE 2013, task 1: 200 recordings of 30 s of ten acoustic scenes, in two halves.

Stowell, Giannoulis, Benetos, Lagrange and Plumbley, "Detection and Classification of Acoustic Scenes and Events",
IEEE Transactions on Multimedia 2015. The public half is the first fold, the half that was kept for the challenge the
second, as in Lin, "Contrastive Feature Learning for Audio Classification", 2022. ``soundata`` has later scenes only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.section import Section, expanded

FOLDS = {"scenes_stereo": "fold1", "scenes_stereo_testset": "fold2"}
WHERE = (
    "unpack scenes_stereo.zip and scenes_stereo_testset.zip there, from "
    "https://archive.org/details/dcase2013_scene_classification and _testset"
)


class DCASE2013Set(Section):
    """DCASE 2013: ten acoustic scenes, two folds."""

    name: Literal["dcase2013"] = "dcase2013"
    root: Path

    def open(self) -> DataSet:
        """List the recordings, each its own group; a file is named after its scene and a number of two digits.

        Raises:
            InputError: a half is missing.
        """
        root = expanded(self.root)
        found = {
            file.relative_to(root).as_posix(): (file, FOLDS[file.parent.name])
            for file in sorted(root.rglob("*.wav"))
            if file.parent.name in FOLDS
        }
        if {fold for _, fold in found.values()} != set(FOLDS.values()):
            raise InputError(f"DCASE 2013 is not at {root}: {WHERE}")
        items = [Item(path, path, fold) for path, (_, fold) in found.items()]
        targets, classes = class_targets([file.stem[:-2] for file, _ in found.values()])
        return DataSet("dcase2013", root, items, "class", targets, classes)
