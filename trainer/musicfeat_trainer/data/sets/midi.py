"""Folder of MIDI files without labels, read as notes or as sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from musicfeat_trainer.data.midi import MIDI_SUFFIXES
from musicfeat_trainer.data.sets.dataset import DataSet, need
from musicfeat_trainer.data.sets.folder import SplitBySource
from musicfeat_trainer.section import expanded


class MidiSet(SplitBySource):
    """Any folder of MIDI files, for piano rolls, and for sound through FluidSynth and a sound font."""

    name: Literal["midi"] = "midi"
    font: Path | None = None
    """Sound font (.sf2 or .sf3) that files are rendered through for frontends of sound."""

    def open(self) -> DataSet:
        """List the files.

        Raises:
            InputError: the folder, the sound font, a named source or any MIDI file is missing.
        """
        dataset = self.listed(self.name, MIDI_SUFFIXES)
        if not self.font:
            return dataset
        where = "install one (Debian: fluid-soundfont-gm), or change `font`"
        return replace(dataset, font=need(expanded(self.font), "the sound font", where))
