"""OpenMIC-2018 as published: 20 000 clips of 10 s, each labelled for some of 20 instruments.

Humphrey, Durand and McFee, "OpenMIC-2018: an open data-set for multiple instrument recognition", ISMIR 2018.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.bundled.crops import Collection
from musicfeat_trainer.bundled.labels import ClipLabels, Label
from musicfeat_trainer.bundled.mel_power import MelPower
from musicfeat_trainer.data.sets.openmic_labels import read_labels
from musicfeat_trainer.data.store import prepare_folder
from musicfeat_trainer.instruments import OPENMIC


def open_openmic(folder: Path, store: Path, spec: LogMelSpec, teachable: tuple[str, ...]) -> Collection:
    """Clips of the published training split with their labels.

    Raises:
        InputError: the folder is not OpenMIC-2018.
    """
    labels = known_labels(folder, teachable)
    split = folder / "partitions" / "split01_train.csv"
    keys = split.read_text().split() if split.is_file() else list(labels)
    spectrograms = prepare_folder(store, folder / "audio", None, MelPower(spec))
    wanted = set(keys)
    tracks = [track for track in spectrograms.tracks if Path(track.path).stem in wanted]
    by_path = {track.path: labels[Path(track.path).stem] for track in tracks}
    return Collection(spectrograms, tracks, 1.0, ClipLabels(by_path))


def known_labels(folder: Path, teachable: tuple[str, ...]) -> dict[str, Label]:
    """Labels by sample key, of the instruments that are taught."""
    taught = np.isin(OPENMIC, teachable)
    values = {key: np.where(taught, row, np.nan) for key, row in read_labels(folder).items()}
    return {
        key: Label(np.nan_to_num(row).astype(np.float32), (~np.isnan(row)).astype(np.float32))
        for key, row in values.items()
    }
