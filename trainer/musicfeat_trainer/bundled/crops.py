"""Random crops of spectrogram stores, each batch a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.bundled.labels import UNKNOWN, Labels
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.teachers import Lessons
from musicfeat_trainer.data.tracks import Track

LEAST_SHARE = 0.95
"""Least length of a track as a share of a crop; shorter tracks are not drawn."""


@dataclass(frozen=True)
class Collection:
    """Tracks of one store, their share of all drawn crops, their labels and teachers' answers."""

    store: Store
    tracks: list[Track]
    share: float = 1.0
    labels: Labels | None = None
    lessons: Lessons | None = None


class Crops(NamedTuple):
    """Drawn crops: mel power [n, frames, n_mels], instruments present and known [n, 20], teachers' answers."""

    power: Tensor
    there: Tensor
    known: Tensor
    said: Tensor
    """Teachers' answers, [n, all their numbers]; NaN for tracks they did not hear; [n, 0] without teachers."""


class CropSampler:
    """Sampler of crops of mel power; within a collection every second of music is equally likely.

    Calls share no state: a run that is killed and resumed sees the same batches.

    A crop that is a little longer than its track is slowed down to fit.

    Raises:
        InputError: a collection has no track long enough for the longest crop.
    """

    def __init__(self, collections: Sequence[Collection], longest: int, tempo: Tempo) -> None:
        self.tempo = tempo
        needed = int(np.ceil(LEAST_SHARE * longest))
        self.choices: list[tuple[Collection, Track]] = []
        weights: list[npt.NDArray[np.float64]] = []
        for collection in collections:
            tracks = [track for track in collection.tracks if track.frames >= needed]
            if not tracks:
                raise InputError(
                    f"none of {len(collection.tracks)} training tracks lasts {needed} spectrogram frames: "
                    "add longer ones"
                )
            frames = np.array([track.frames for track in tracks], dtype=np.float64)
            self.choices += [(collection, track) for track in tracks]
            weights.append(collection.share * frames / frames.sum())
        self.weights = np.concatenate(weights) / np.concatenate(weights).sum()
        lessons = [collection.lessons for collection in collections if collection.lessons]
        self.silence = np.full(lessons[0].width if lessons else 0, np.nan, np.float32)

    def draw(
        self,
        count: int,
        frames: int,
        generator: np.random.Generator,
        *,
        lengths: Tensor | None = None,
        apart: int | None = None,
    ) -> Crops:
        """Crops from ``count`` tracks, different ones where there are enough.

        Args:
            count: number of tracks.
            frames: length of each crop.
            generator: the only source of randomness.
            lengths: frames of each crop that its label covers; None: all.
            apart: greatest distance in frames between the beginnings of two crops of each track; the first crops of
                all tracks come before the second ones. None: one crop of each track.
        """
        replace = count > len(self.choices) // 2
        chosen = generator.choice(len(self.choices), size=count, replace=replace, p=self.weights)
        starts = generator.random(count)
        moves = [np.zeros(count)] if apart is None else [np.zeros(count), apart * generator.uniform(-1, 1, count)]
        places = [
            (i, start, move) for move_all in moves for i, start, move in zip(chosen, starts, move_all, strict=True)
        ]
        heard = [frames] * len(places) if lengths is None else lengths.tolist()
        drawn = [
            self._crop(i, start, move, frames, length, generator)
            for (i, start, move), length in zip(places, heard, strict=True)
        ]
        return Crops(*(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)))

    def _crop(
        self, choice: int, place: float, move: float, frames: int, heard: int, generator: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], ...]:
        collection, track = self.choices[choice]
        steps = self.tempo.steps(frames, generator)
        offsets = np.cumsum(steps) - steps[0]
        offsets *= min(1.0, (track.frames - 2) / offsets[-1])
        last = track.frames - 2 - offsets[-1]
        start = float(np.clip(place * last + move, 0, last))
        if (offsets == np.arange(frames)).all():
            start = int(start)
        power = stretched(collection.store.values, track.start + start + offsets)
        seconds = collection.store.frame_seconds
        heard_from, heard_to = start * seconds, (start + offsets[heard - 1]) * seconds
        label, said = UNKNOWN, self.silence
        if collection.labels:
            label = collection.labels.window(track.path, heard_from, heard_to)
        if collection.lessons:
            said = collection.lessons.window(track.path, heard_from, heard_to)
        return power, label.there, label.known, said


def stretched(values: npt.NDArray[np.generic], positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Power at fractional frame positions, linear between frames: [n] -> [n, n_mels]."""
    whole = positions.astype(np.int64)
    part = (positions - whole).astype(np.float32)[:, None]
    block = np.exp(values[whole[0] : whole[-1] + 2].astype(np.float32))
    index = whole - whole[0]
    if not part.any():
        return block[index]
    return block[index] * (1 - part) + block[index + 1] * part
