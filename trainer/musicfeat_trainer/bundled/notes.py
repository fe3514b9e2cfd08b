"""Recorded single notes, alone or laid over each other: real sound with exact labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from musicfeat.errors import InputError
from musicfeat.sound.audio import load
from musicfeat.sound.log_mel import SILENCE_POWER
from musicfeat_trainer.bundled.crops import Crops
from musicfeat_trainer.data.sets.notes import listed_notes
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.instruments import OPENMIC, of_recording
from musicfeat_trainer.recipe.bundled import NotesConfig
from musicfeat_trainer.section import expanded

ALONE = 0.5
"""Share of collages with a single note; the others have up to ``MOST`` instruments in turn and together."""
MOST, NOTES_OF_ONE = 4, 8

Power = npt.NDArray[np.float32]


class NoteCollages:
    """Sampler of windows in which a few recorded instruments play notes at random times."""

    def __init__(self, config: NotesConfig, frontend: LogMel, teachable: tuple[str, ...]) -> None:
        self.notes = load_notes(expanded(config.folder), config.table, frontend)
        self.instruments = sorted(self.notes)
        self.teachable = np.isin(OPENMIC, list(teachable))

    def draw(self, pairs: int, frames: int, generator: np.random.Generator) -> Crops:
        """Pairs of collages of the same instruments: the first collages of all pairs, then the second ones."""
        groups = [self._instruments(generator) for _ in range(pairs)]
        drawn = [self._collage(group, frames, generator) for _ in range(2) for group in groups]
        labels = [self._label(group) for _ in range(2) for group in groups]
        there, known = zip(*labels, strict=True)
        power, heard, sure = (torch.from_numpy(np.stack(part)) for part in (drawn, there, known))
        return Crops(power, heard, sure, torch.zeros(2 * pairs, 0))

    def _instruments(self, generator: np.random.Generator) -> list[str]:
        count = 1 if generator.random() < ALONE else int(generator.integers(1, MOST + 1))
        return [
            str(name) for name in generator.choice(self.instruments, min(count, len(self.instruments)), replace=False)
        ]

    def _collage(self, instruments: list[str], frames: int, generator: np.random.Generator) -> Power:
        bands = self.notes[instruments[0]][0].shape[1]
        power = np.full((frames, bands), SILENCE_POWER / (2 * bands), dtype=np.float32)
        alone = len(instruments) == 1 and generator.random() < 0.7
        for name in instruments:
            level = np.float32(10 ** generator.uniform(-1.0, 0.0))
            for number in range(1 if alone else int(generator.integers(1, NOTES_OF_ONE + 1))):
                note = self.notes[name][generator.integers(len(self.notes[name]))]
                latest = frames // 20 if number == 0 and alone else frames - 20
                start = int(generator.integers(0, latest))
                part = note[: frames - start]
                power[start : start + len(part)] += level * part
        return power

    def _label(self, instruments: list[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        there, known = np.zeros(len(OPENMIC), np.float32), self.teachable.astype(np.float32)
        for index, sure in (pair for name in instruments for pair in of_recording(name)):
            there[index] = max(there[index], float(sure and self.teachable[index]))
            known[index] *= float(sure)
        return there, known


def load_notes(folder: Path, table: Path, frontend: LogMel) -> dict[str, list[Power]]:
    """Mel power of the training notes of every instrument; the mean power of each note is 1.

    Raises:
        InputError: the table is missing or lists no training note.
    """
    notes: dict[str, list[Power]] = {}
    for note in listed_notes(folder / table):
        if note.split != "train":
            continue
        wave = torch.from_numpy(load(folder / note.path, rate=frontend.spec.sample_rate))
        with torch.no_grad():
            power = frontend.power(wave[None])[0].numpy()
        power /= max(float(power.mean()), SILENCE_POWER)
        notes.setdefault(note.instrument, []).append(power)
    if not notes:
        raise InputError(f"{folder / table} lists no note whose split is train")
    return notes
