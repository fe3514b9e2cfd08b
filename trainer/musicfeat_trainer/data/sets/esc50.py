"""ESC-50: 2000 clips of 5 s in 50 classes of environmental sound, five folds.

Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musicfeat_trainer.data.sets.dataset import DataSet, need
from musicfeat_trainer.data.sets.library import sounds_in_folds
from musicfeat_trainer.section import Section, expanded

WHERE = "unpack https://github.com/karolpiczak/ESC-50 there, so that the folder holds audio/ and meta/esc50.csv"


class ESC50Set(Section):
    """ESC-50: environmental sounds in 50 classes, five folds."""

    name: Literal["esc50"] = "esc50"
    root: Path

    def open(self) -> DataSet:
        """List the clips; fragments of one recording are a group.

        Raises:
            InputError: the data set, its index or ``soundata`` is missing.
        """
        root = expanded(self.root)
        need(root / "meta" / "esc50.csv", "ESC-50", WHERE)
        return sounds_in_folds("esc50", "ESC-50", root, "src_file", "category", WHERE)
