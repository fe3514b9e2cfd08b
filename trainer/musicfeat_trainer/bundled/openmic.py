"""OpenMIC-2018 as published: 20 000 clips of 10 s, each labelled for some of 20 instruments.

Humphrey, Durand and McFee, "OpenMIC-2018: an open data-set for multiple instrument recognition", ISMIR 2018.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from musicfeat.errors import InputError
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.bundled.crops import Collection
from musicfeat_trainer.bundled.labels import ClipLabels, Label
from musicfeat_trainer.bundled.mel_power import MelPower
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
    """Sample key to label; a relevance of one half or more means there.

    The published ``.npz`` says the same, but its keys are pickled objects, which may run code as they are read.
    """
    table = folder / "openmic-2018-aggregated-labels.csv"
    labels: dict[str, Label] = {}
    try:
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                index, relevance = OPENMIC.index(row["instrument"]), float(row["relevance"])
                label = labels.setdefault(row["sample_key"], Label(*np.zeros((2, len(OPENMIC)), np.float32)))
                if row["instrument"] in teachable:
                    label.there[index], label.known[index] = relevance >= 0.5, 1
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{table} is not the label file of OpenMIC-2018: {error}") from error
    return labels
