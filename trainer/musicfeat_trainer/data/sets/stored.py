"""Store of a data set's files, decoded once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from musicfeat_trainer.data.contents import Contents, Waveform
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.data.store import Store, prepare
from musicfeat_trainer.data.tracks import Track


def stored(dataset: DataSet, folder: Path, contents: Contents) -> Store:
    """Store of all files of a data set, built first below ``folder`` if missing.

    Sets of the same files, such as two tasks of one data set, share a store.
    """
    if isinstance(contents, Waveform) and dataset.font:
        contents = replace(contents, font=dataset.font)
    groups = {item.path: item.group for item in dataset.items}
    described = f"{dataset.root} {sorted(groups)} {contents.described()}"
    key = hashlib.sha256(described.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    tracks = [Track(path, group) for path, group in groups.items()]
    return prepare(folder / f"{dataset.name}-{key}", dataset.root, tracks, contents)
