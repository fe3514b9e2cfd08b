"""Data sets by the name that a recipe or ``--on`` calls them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from musicfeat_trainer.data.sets.folder import FolderSet
from musicfeat_trainer.data.sets.midi import MidiSet

SetConfig: TypeAlias = Annotated[FolderSet | MidiSet, Field(discriminator="name")]
"""One of the data sets."""
