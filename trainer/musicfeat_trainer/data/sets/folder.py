"""Folder of audio without labels."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

from pydantic import Field

from musicfeat.errors import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item, held_out_groups
from musicfeat_trainer.data.tracks import AUDIO_SUFFIXES, list_tracks
from musicfeat_trainer.section import Section, expanded


class SplitBySource(Section):
    """Files below a folder; the first folder of a path, or a column of a table, names a file's source."""

    root: Path
    table: Path | None = None
    """CSV with columns path, source, and optionally noncommercial (rows that say yes are left out)."""
    validation: float = Field(0.2, gt=0, lt=1)
    """Share of the sources for validation, if ``validation_sources`` is empty."""
    validation_sources: tuple[str, ...] = ()
    test_sources: tuple[str, ...] = ()

    def listed(self, name: str, suffixes: AbstractSet[str]) -> DataSet:
        """Data set of the files, or of those in the table.

        Raises:
            InputError: the folder is missing or empty, or a named source is not in it.
        """
        root = expanded(self.root)
        tracks = list_tracks(root, root / self.table if self.table else None, suffixes)
        sources = {track.source for track in tracks}
        if missing := {*self.validation_sources, *self.test_sources} - sources:
            raise InputError(f"no track of source {sorted(missing)} below {root}")
        rest = [track.source for track in tracks if track.source not in self.test_sources]
        held = set(self.validation_sources) or held_out_groups(rest, self.validation)
        kinds = dict.fromkeys(held, "validation") | dict.fromkeys(self.test_sources, "test")
        return DataSet(name, root, [Item(t.path, t.source, kinds.get(t.source, "train")) for t in tracks])


class FolderSet(SplitBySource):
    """Any folder of audio; the first folder of a path, or a column of a table, names a file's source."""

    name: Literal["folder"] = "folder"

    def open(self) -> DataSet:
        """List the files; see ``listed``."""
        return self.listed(self.name, AUDIO_SUFFIXES)
