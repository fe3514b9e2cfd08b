"""DCASE 2019, task 1A (TAU Urban Acoustic Scenes 2019): 10 s clips of ten scenes in twelve cities.

Mesaros, Heittola and Virtanen, "A multi-device dataset for urban acoustic scene classification", DCASE 2018. Of the
scene sets that ``soundata`` reads, this is the closest to that of DCASE 2013.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.library import audio_there, entries, relative
from musicfeat_trainer.data.sets.splits import with_validation
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.section import Section, expanded

SETUPS = {
    "development": ("https://zenodo.org/records/2589280", ("meta.csv", "evaluation_setup/fold1_train.csv")),
    "evaluation": ("https://zenodo.org/records/3063822", ("evaluation_setup/test.csv",)),
    "leaderboard": ("https://zenodo.org/records/2672993", ("evaluation_setup/test.csv",)),
}


class DCASE2019Set(Section):
    """DCASE 2019: ten acoustic scenes in twelve cities, published train and test splits."""

    name: Literal["dcase2019"] = "dcase2019"
    root: Path
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the training locations for validation; the published splits have none."""

    def open(self) -> DataSet:
        """List the labelled clips of the development set; one location is a group.

        ``soundata`` reads the lists (not the audio) of the unlabelled evaluation and leaderboard sets, too.

        Raises:
            InputError: the data set, its index or ``soundata`` is missing.
        """
        root = expanded(self.root)
        for subset, (url, files) in SETUPS.items():
            for file in files:
                folder = root / f"TAU-urban-acoustic-scenes-2019-{subset}"
                need(folder / file, f"the {subset} list of DCASE 2019", f"unpack the zip files of {url} in {root}")
        clips = [clip for clip in entries("soundata", "tau2019uas", root).values() if _labelled(clip)]
        items = [Item(relative(clip, root), clip.identifier, _split(clip.split)) for clip in clips]
        audio_there("DCASE 2019", root, [i.path for i in items], f"unpack {SETUPS['development'][0]} in {root}")
        targets, classes = class_targets([clip.tags.labels[0] for clip in clips])
        return DataSet("dcase2019", root, with_validation(items, self.validation), "class", targets, classes)


def _labelled(clip: object) -> bool:
    return getattr(clip, "tags", None) is not None and str(getattr(clip, "split", "")).startswith("development")


def _split(published: str) -> str:
    # the test list repeats the clips of the labelled evaluation list, so either may be kept
    return "train" if published == "development.train" else "test"
