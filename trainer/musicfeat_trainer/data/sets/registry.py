"""Data sets by the name that a recipe or ``--on`` calls them."""

from __future__ import annotations

from typing import TypeAlias

from musicfeat_trainer.data.sets.folder import FolderSet

SetConfig: TypeAlias = FolderSet
"""One of the data sets."""
