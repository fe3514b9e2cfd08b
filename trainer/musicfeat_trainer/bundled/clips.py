"""Fixed clips of held-out music."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.crops import Collection
from musicfeat_trainer.data.tracks import Track


def fixed_clips(collections: Sequence[Collection], frames: int, per_track: int) -> Tensor:
    """Evenly spread, non-overlapping clips of each track: [clips, frames, bands] mel power.

    Raises:
        InputError: no track is long enough.
    """
    clips = []
    for collection, track, start in _places(collections, frames, per_track):
        values = collection.store.values[track.start + start : track.start + start + frames]
        clips.append(np.exp(values.astype(np.float32)))
    if not clips:
        count = sum(len(collection.tracks) for collection in collections)
        raise InputError(f"none of {count} held-out tracks lasts {frames} spectrogram frames: hold out longer ones")
    return torch.from_numpy(np.stack(clips))


def clip_tracks(collections: Sequence[Collection], frames: int, per_track: int) -> npt.NDArray[np.int64]:
    """Track numbers of ``fixed_clips``, [clips]."""
    counts = [
        len(clip_starts(track.frames, frames, per_track)) for collection in collections for track in collection.tracks
    ]
    return np.repeat(np.arange(len(counts)), counts)


def clip_lessons(collections: Sequence[Collection], frames: int, per_track: int) -> npt.NDArray[np.float32]:
    """Teachers' answers for ``fixed_clips``, [clips, all their numbers]; NaN where they did not hear the track."""
    rows = []
    for collection, track, start in _places(collections, frames, per_track):
        assert collection.lessons
        seconds = collection.store.frame_seconds
        rows.append(collection.lessons.window(track.path, start * seconds, (start + frames) * seconds))
    return np.stack(rows)


def _places(collections: Sequence[Collection], frames: int, per_track: int) -> Iterator[tuple[Collection, Track, int]]:
    for collection in collections:
        for track in collection.tracks:
            for start in clip_starts(track.frames, frames, per_track):
                yield collection, track, start


def clip_starts(length: int, frames: int, most: int) -> list[int]:
    """First frames of at most ``most`` clips that do not overlap, spread over ``length`` frames."""
    count = min(most, length // frames)
    return [int(start) for start in np.linspace(0, length - frames, count)] if count else []
