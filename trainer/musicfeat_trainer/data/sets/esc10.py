"""ESC-10: 400 clips of 5 s in ten classes of environmental sound, five folds.

Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, need
from musicfeat_trainer.data.sets.targets import class_targets
from musicfeat_trainer.data.tracks import list_tracks
from musicfeat_trainer.section import Section, expanded

WHERE = "put the clips of https://github.com/karolpiczak/ESC-10 there, a folder for each class"


class ESC10Set(Section):
    """ESC-10: environmental sounds in ten classes, five folds."""

    name: Literal["esc10"] = "esc10"
    root: Path

    def open(self) -> DataSet:
        """List the clips ``CLASS/FOLD-RECORDING-TAKE.*``; fragments of one recording are a group.

        Raises:
            InputError: the folder is missing, or a file has another form of name.
        """
        root = expanded(self.root)
        tracks = list_tracks(need(root, "ESC-10", WHERE))
        names = [Path(track.path).stem.split("-") for track in tracks]
        for track, name in zip(tracks, names, strict=True):
            if len(name) < 3 or not name[0].isdigit():
                raise InputError(f"{root / track.path} is not named FOLD-RECORDING-TAKE: {WHERE}")
        items = [Item(t.path, name[1], f"fold{name[0]}") for t, name in zip(tracks, names, strict=True)]
        targets, classes = class_targets([track.source for track in tracks])
        return DataSet("esc10", root, items, "class", targets, classes)
