"""Clips of a data set's items, of the length that a method reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.data.clips import excerpt
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.data.sets.stored import stored
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.tracks import Track
from musicfeat_trainer.method.method import Method

Rows = npt.NDArray[np.int64]


class ItemClips:
    """Items as clips of equal length, one after another; shorter ones end in zeros.

    If lengths do not divide, the last clip ends with its item and overlaps the one before; a rest of a tenth of a
    clip or less gets none.

    Args:
        dataset: data set with every item's file in the store, such as from ``readable``.
        store: store of the files.
        frames: length of a clip.

    Attributes:
        owners: item of each clip, [clips], ascending.
    """

    def __init__(self, dataset: DataSet, store: Store, frames: int) -> None:
        self.store, self.frames = store, frames
        tracks = {track.path: track for track in store.tracks}
        self.places: list[tuple[Track, int, int]] = []
        owners: list[int] = []
        for number, item in enumerate(dataset.items):
            track = tracks[item.path]
            for place in self._places(item, track):
                self.places.append((track, *place))
                owners.append(number)
        self.owners = np.array(owners, dtype=np.int64)
        self.items = len(dataset.items)

    def _places(self, item: Item, track: Track) -> list[tuple[int, int]]:
        """First frame and end of each clip of an item."""
        begin = round(item.start / self.store.frame_seconds)
        length = track.frames - begin
        if item.seconds is not None:
            length = min(length, round(item.seconds / self.store.frame_seconds))
        if length <= 0:
            raise InputError(f"{item.path} ends before {item.start:g} s, where an item of the data set begins")
        starts = range(0, max(1, length - self.frames // 10), self.frames)
        return [(begin + max(0, min(s, length - self.frames)), begin + min(s + self.frames, length)) for s in starts]

    def read(self, clips: npt.NDArray[np.integer]) -> Tensor:
        """Clips by number, [n, frames, ...] float32."""
        places = [self.places[clip] for clip in clips]
        read = [excerpt(self.store, track, begin, end, self.frames) for track, begin, end in places]
        return torch.from_numpy(np.stack(read))

    def of(self, rows: Rows) -> Rows:
        """Numbers of the clips of some items."""
        return np.flatnonzero(np.isin(self.owners, rows))

    def mean(self, values: Tensor, clips: Rows) -> Tensor:
        """Means of clips' values [n, D] over the clips of each item, [items, D]; NaN for items without clips."""
        owners = torch.from_numpy(self.owners[clips]).to(values.device)
        sums = torch.zeros(self.items, values.shape[1], dtype=values.dtype, device=values.device)
        counts = torch.bincount(owners, minlength=self.items)[:, None]
        return sums.index_add(0, owners, values) / counts


def as_read(method: Method, dataset: DataSet, store: Path, rows: Rows | None = None) -> tuple[DataSet, ItemClips]:
    """Readable items of a data set, or of some of its rows, and their clips as in a method's first view.

    The store below ``store`` always holds the whole data set.
    """
    frontend = method.frontend(0)
    files = stored(dataset, store, frontend.contents)
    found = readable(dataset if rows is None else dataset.subset(rows), files)
    return found, ItemClips(found, files, frontend.frames(method.config.clips.seconds))


def readable(dataset: DataSet, store: Store) -> DataSet:
    """Data set of the items whose files could be read into the store."""
    paths = {track.path for track in store.tracks}
    return dataset.subset(dataset.rows(lambda item: item.path in paths))
