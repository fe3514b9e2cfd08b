"""Real sound for calibration and for the comparison of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.listing import find
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.model.card import ModelCard
from musicfeat.sound.audio import load
from musicfeat_trainer.data.sets.notes import listed_notes
from musicfeat_trainer.instruments import OPENMIC, of_recording

Windows = npt.NDArray[np.float32]
AUDIBLE = 1e-3
"""Root mean square below which a clip counts as silent."""


def windows_of(folder: Path, card: ModelCard, most: int) -> Windows:
    """One window from the middle of each of at most ``most`` files, spread evenly over a folder.

    Files that cannot be decoded, are shorter than a window, or are silent in the middle are left out.

    Returns:
        [clips, window] float32.

    Raises:
        InputError: the folder does not exist, or holds no usable clip.
    """
    paths, windows = find([folder]), []
    for path in paths[:: max(1, len(paths) // max(1, most))][:most]:
        try:
            wave = load(path, rate=card.sample_rate)
        except MusicfeatError:
            continue
        middle = wave[max(0, len(wave) - card.window) // 2 :][: card.window]
        if len(middle) == card.window and np.sqrt(np.mean(middle**2)) > AUDIBLE:
            windows.append(middle)
    if not windows:
        seconds = card.window / card.sample_rate
        raise InputError(
            f"{folder} holds no audible clip of {seconds:g} s in {len(paths)} files: name a folder of music"
        )
    return np.stack(windows)


@dataclass(frozen=True)
class Tagged:
    """Windows with known instruments."""

    windows: Windows
    there: npt.NDArray[np.float32]
    """[clips, instruments], 1 for an instrument that plays."""
    known: npt.NDArray[np.float32]
    """[clips, instruments], 1 where the truth is known."""
    columns: list[int]
    """Columns of the instruments in the model's tags."""


def held_out_notes(folder: Path, card: ModelCard) -> Tagged:
    """Windows of the recorded notes that ``notes.csv`` (path, instrument, split) holds out, padded to full length.

    Raises:
        InputError: the table is missing, or no held-out note has an instrument among the model's labels.
    """
    windows, there, known, labels = [], [], [], card.columns_of("instrument")
    for note in listed_notes(folder / "notes.csv"):
        sounds = {OPENMIC[index]: sure for index, sure in of_recording(note.instrument)}
        if note.split != "heldout" or not sounds.keys() & set(labels):
            continue
        wave = load(folder / note.path, rate=card.sample_rate)[: card.window]
        windows.append(np.pad(wave, (0, card.window - len(wave))))
        there.append([float(sounds.get(label, False)) for label in labels])
        known.append([float(sounds.get(label, True)) for label in labels])
    if not windows:
        raise InputError(f"{folder}/notes.csv holds out no note of the instruments {', '.join(labels)}")
    return Tagged(np.stack(windows), np.array(there, np.float32), np.array(known, np.float32), list(labels.values()))
