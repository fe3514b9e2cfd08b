"""Labels of OpenMIC-2018: the instruments, of 20, heard in a clip, as far as annotators were asked.

Humphrey, Durand and McFee, "OpenMIC-2018: an open data-set for multiple instrument recognition", ISMIR 2018.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.instruments import OPENMIC

TABLE = "openmic-2018-aggregated-labels.csv"
THERE = 0.5
"""Least relevance of an instrument that counts as there."""


def read_labels(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Labels [20] by sample key: 1 there, 0 missing, NaN unknown.

    The published ``.npz`` holds the same, but its keys are pickled objects, which may run code when they are read.

    Raises:
        InputError: the folder is not OpenMIC-2018.
    """
    labels: dict[str, npt.NDArray[np.float32]] = defaultdict(lambda: np.full(len(OPENMIC), np.nan, np.float32))
    try:
        with (folder / TABLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                labels[row["sample_key"]][OPENMIC.index(row["instrument"])] = float(row["relevance"]) >= THERE
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder / TABLE} is not the label file of OpenMIC-2018: {error}") from error
    return dict(labels)
