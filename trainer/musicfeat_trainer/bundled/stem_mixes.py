"""Mixes of stems: every channel of a piece from a sound font of its own, at a level and an equalisation of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat_trainer.augment.tempo import Tempo
from musicfeat_trainer.bundled.crops import Crops, stretched
from musicfeat_trainer.bundled.labels import Label, Labels
from musicfeat_trainer.data.stems import FADE
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.tracks import Track
from musicfeat_trainer.instruments import OPENMIC

AS_ONE, FEW, KEPT = 0.25, 0.15, 0.85
"""Shares of mixes whose channels come from one font, and of mixes of one or two channels; of channels in the others."""
LEVEL, ONE_LEVEL = 5.0, 2.0
"""Deviation of a channel's level in decibels, and where all come from one font."""
DEPTH = 2.5
"""Deviation in decibels of each of the four cosines of a channel's equalisation."""
AUDIBLE, SHARE = 0.002, 0.25
"""A channel is audible where it is ``SHARE`` of the power in this share of a window's cells of time and frequency."""

Power = npt.NDArray[np.float32]


class StemMixer:
    """Sampler of windows of mixes of stems; every piece is equally likely.

    Args:
        store: mel power of files of stems, ``FONT/PIECE``.
        labels: instruments of the files.
        seconds: length of each stem.
        tempo: tempo of the mixes.
    """

    def __init__(self, store: Store, labels: Labels, seconds: float, tempo: Tempo) -> None:
        self.store, self.labels, self.tempo = store, labels, tempo
        self.seconds, self.every = seconds / store.frame_seconds, (seconds + FADE) / store.frame_seconds
        pieces: dict[str, list[Track]] = {}
        for track in store.tracks:
            pieces.setdefault(track.path.partition("/")[2], []).append(track)
        self.pieces = list(pieces.values())

    def draw(self, frames: int, lengths: Tensor, generator: np.random.Generator) -> Crops:
        """Windows of ``frames`` spectrogram frames, one for each of ``lengths``: the frames that its label covers."""
        drawn = [self._mix(frames, length, generator) for length in lengths.tolist()]
        power, there, known = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
        return Crops(power, there, known, torch.zeros(len(lengths), 0))

    def _mix(self, frames: int, length: int, generator: np.random.Generator) -> tuple[Power, Power, Power]:
        tracks = self.pieces[generator.integers(len(self.pieces))]
        places = self._places(frames, generator)
        one = tracks[generator.integers(len(tracks))] if generator.random() < AS_ONE else None
        powers, labels = [], []
        for channel in _channels(round(tracks[0].frames / self.every), generator):
            track = one or tracks[generator.integers(len(tracks))]
            heard = channel * self.every + places
            power = stretched(self.store.values, track.start + heard)
            level = generator.normal(0, ONE_LEVEL if one else LEVEL) + equaliser(power.shape[1], generator)
            powers.append(power * (10 ** (level / 10)).astype(np.float32))
            labels.append(self.labels.window(track.path, *(heard[[0, length - 1]] * self.store.frame_seconds)))
        total = np.sum(powers, axis=0)
        return total, *of_mix(labels, [audible(power[:length], total[:length]) for power in powers])

    def _places(self, frames: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        """Places of a window's frames in a stem, [frames]; a window longer than the stem is slowed down to fit."""
        steps = self.tempo.steps(frames, generator)
        offsets, last = np.cumsum(steps) - steps[0], self.seconds - 2
        offsets *= min(1.0, last / offsets[-1])
        return offsets + generator.random() * (last - offsets[-1])


def _channels(count: int, generator: np.random.Generator) -> list[int]:
    """Channels of a mix: one or two, or nearly all."""
    if generator.random() < FEW:
        return generator.permutation(count)[: generator.integers(1, 3)].tolist()
    kept = generator.random(count) < KEPT
    kept[generator.integers(count)] = True
    return np.flatnonzero(kept).tolist()


def equaliser(bands: int, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Random curve in decibels over the bands of a spectrogram, of four cosines."""
    place = np.linspace(0, np.pi, bands)
    waves = np.arange(1, 5)[:, None] * place + generator.uniform(0, 2 * np.pi, (4, 1))
    return (generator.normal(0, DEPTH, (4, 1)) * np.cos(waves)).sum(0)


def audible(power: Power, total: Power) -> bool:
    """Whether one channel can be heard in a mix."""
    floor = 1e-5 * float(total.mean())
    return float(((power > SHARE * total) & (total > floor)).mean()) > AUDIBLE


def of_mix(labels: Iterable[Label], heard: Iterable[bool]) -> Label:
    """Label of a mix: what is in a channel that can be heard is there; the rest of what may be there is unknown."""
    there, missing = np.zeros(len(OPENMIC), np.float32), np.ones(len(OPENMIC), np.float32)
    for label, sure in zip(labels, heard, strict=True):
        missing *= label.known * (1 - label.there)
        there = np.maximum(there, label.there * sure)
    return Label(there, np.maximum(there, missing))
