"""Data sets by the name that a recipe or ``--on`` calls them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from musicfeat_trainer.data.sets.asap import ASAPSet
from musicfeat_trainer.data.sets.billboard import BillboardSet
from musicfeat_trainer.data.sets.class_folders import ClassFoldersSet
from musicfeat_trainer.data.sets.dcase2013 import DCASE2013Set
from musicfeat_trainer.data.sets.dcase2019 import DCASE2019Set
from musicfeat_trainer.data.sets.esc10 import ESC10Set
from musicfeat_trainer.data.sets.esc50 import ESC50Set
from musicfeat_trainer.data.sets.fma import FMASet
from musicfeat_trainer.data.sets.folder import FolderSet
from musicfeat_trainer.data.sets.fsd50k import FSD50KSet
from musicfeat_trainer.data.sets.gtzan import GTZANSet
from musicfeat_trainer.data.sets.magnatagatune import MagnaTagATuneSet
from musicfeat_trainer.data.sets.midi import MidiSet
from musicfeat_trainer.data.sets.million_song import MillionSongSet
from musicfeat_trainer.data.sets.notes import NotesSet
from musicfeat_trainer.data.sets.openmic import OpenMICSet
from musicfeat_trainer.data.sets.urbansound8k import UrbanSound8KSet

SetConfig: TypeAlias = Annotated[
    FolderSet
    | ClassFoldersSet
    | MidiSet
    | FMASet
    | OpenMICSet
    | GTZANSet
    | BillboardSet
    | MagnaTagATuneSet
    | MillionSongSet
    | ESC10Set
    | ESC50Set
    | UrbanSound8KSet
    | FSD50KSet
    | DCASE2013Set
    | DCASE2019Set
    | NotesSet
    | ASAPSet,
    Field(discriminator="name"),
]
"""One of the data sets; the first line of its docstring is what ``musicfeat-train list`` says of it."""
