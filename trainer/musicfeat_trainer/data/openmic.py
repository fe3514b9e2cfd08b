"""OpenMIC-2018 as published: 20 000 clips of 10 s, each labelled for some of 20 instruments.

Humphrey, Durand and McFee, "OpenMIC-2018: an open data-set for multiple instrument recognition", ISMIR 2018.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicfeat.errors import InputError
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.data.contents import MelPower
from musicfeat_trainer.data.labels import ClipLabels, Label
from musicfeat_trainer.data.sampler import Collection
from musicfeat_trainer.data.store import prepare_folder
from musicfeat_trainer.instruments import OPENMIC


def open_openmic(folder: Path, store: Path, spec: LogMelSpec, teachable: tuple[str, ...]) -> Collection:
    """The clips of the published training split with their labels.

    Raises:
        InputError: the folder is not OpenMIC-2018.
    """
    labels = read_labels(folder, teachable)
    split = folder / "partitions" / "split01_train.csv"
    keys = split.read_text().split() if split.is_file() else list(labels)
    spectrograms = prepare_folder(store, folder / "audio", None, MelPower(spec))
    wanted = set(keys)
    tracks = [track for track in spectrograms.tracks if Path(track.path).stem in wanted]
    by_path = {track.path: labels[Path(track.path).stem] for track in tracks}
    return Collection(spectrograms, tracks, 1.0, ClipLabels(by_path))


def read_labels(folder: Path, teachable: tuple[str, ...]) -> dict[str, Label]:
    """Sample key to label; a probability of one half or more means there."""
    table = folder / "openmic-2018.npz"
    try:
        with np.load(table, allow_pickle=True) as file:
            there, known, keys = file["Y_true"] >= 0.5, file["Y_mask"].astype(bool), file["sample_key"]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{table} is not the label file of OpenMIC-2018: {error}") from error
    if there.shape != (len(keys), len(OPENMIC)) or known.shape != there.shape:
        raise InputError(f"{table} holds labels of shape {there.shape}, expected {(len(keys), len(OPENMIC))}")
    known &= np.isin(OPENMIC, list(teachable))
    rows = zip(keys, there & known, known, strict=True)
    return {str(key): Label(y.astype(np.float32), k.astype(np.float32)) for key, y, k in rows}
