"""UrbanSound8K: 8732 clips of up to 4 s in ten classes of city sound, ten folds.

Salamon, Jacoby and Bello, "A Dataset and Taxonomy for Urban Sound Research", ACM Multimedia 2014.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musicfeat_trainer.data.sets.dataset import DataSet, need
from musicfeat_trainer.data.sets.library import sounds_in_folds
from musicfeat_trainer.section import Section, expanded

WHERE = "unpack UrbanSound8K.tar.gz from https://urbansounddataset.weebly.com there (audio/fold1..10, metadata/)"


class UrbanSound8KSet(Section):
    """UrbanSound8K: city sounds in ten classes, ten folds."""

    name: Literal["urbansound8k"] = "urbansound8k"
    root: Path

    def open(self) -> DataSet:
        """List the clips; slices of one recording are a group, which the published folds keep together.

        Raises:
            InputError: the data set, its index or ``soundata`` is missing.
        """
        root = expanded(self.root)
        need(root / "metadata" / "UrbanSound8K.csv", "UrbanSound8K", WHERE)
        return sounds_in_folds("urbansound8k", "UrbanSound8K", root, "freesound_id", "class_label", WHERE)
