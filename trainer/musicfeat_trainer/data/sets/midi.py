"""Any folder of MIDI files without labels, read as notes or as sound."""

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
    """The sound font (.sf2 or .sf3) that frontends of sound hear the files through."""

    def open(self) -> DataSet:
        """List the files.

        Raises:
            InputError: no such folder or sound font, no MIDI file, or a source named that is not there.
        """
        dataset = self.listed(self.name, MIDI_SUFFIXES)
        if not self.font:
            return dataset
        where = "install one (Debian: fluid-soundfont-gm), or change `font`"
        return replace(dataset, font=need(expanded(self.font), "the sound font", where))
