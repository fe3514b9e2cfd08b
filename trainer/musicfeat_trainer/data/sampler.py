"""Random crops of a spectrogram store, each batch a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.data.store import SpectrogramStore, Track


@dataclass(frozen=True)
class Tempo:
    """Random change of tempo: with ``probability``, a factor of e^u, u uniform in +-``spread``."""

    probability: float = 0.6
    spread: float = 0.2


class CropSampler:
    """Draws crops of mel power, every second of music equally likely.

    Nothing is remembered between calls: a run that is killed and resumed sees the same batches.

    Raises:
        InputError: no track is long enough for the longest crop at the fastest tempo.
    """

    def __init__(self, store: SpectrogramStore, tracks: list[Track], longest: int, tempo: Tempo) -> None:
        self.values, self.tempo = store.values, tempo
        needed = int(np.ceil(longest * np.exp(tempo.spread))) + 2
        self.tracks = [track for track in tracks if track.frames >= needed]
        if not self.tracks:
            raise InputError(
                f"none of {len(tracks)} training tracks lasts {needed} spectrogram frames: add longer ones"
            )
        weights = np.array([track.frames for track in self.tracks], dtype=np.float64)
        self.weights = weights / weights.sum()

    def draw(self, count: int, frames: int, generator: np.random.Generator) -> Tensor:
        """Power of ``count`` crops from different tracks where there are enough, [count, frames, n_mels]."""
        replace = count > len(self.tracks) // 2
        chosen = generator.choice(len(self.tracks), size=count, replace=replace, p=self.weights)
        crops = [self._crop(self.tracks[i], frames, generator) for i in chosen]
        return torch.from_numpy(np.stack(crops))

    def _crop(self, track: Track, frames: int, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        changed = generator.random() < self.tempo.probability
        rate = float(np.exp(generator.uniform(-1, 1) * self.tempo.spread)) if changed else 1.0
        start = generator.uniform(0, track.frames - 2 - frames * rate) if changed else 0.0
        if not changed:
            start = float(generator.integers(0, track.frames - frames))
        return stretched(self.values, track.start + start + rate * np.arange(frames))


def stretched(values: npt.NDArray[np.float16], positions: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Power at fractional frame positions, linear between frames: [n] -> [n, n_mels]."""
    whole = positions.astype(np.int64)
    part = (positions - whole).astype(np.float32)[:, None]
    block = np.exp(values[whole[0] : whole[-1] + 2].astype(np.float32))
    index = whole - whole[0]
    if not part.any():
        return block[index]
    return block[index] * (1 - part) + block[index + 1] * part


def step_generators(seed: int, step: int) -> tuple[np.random.Generator, torch.Generator]:
    """The random sources of one training step."""
    sequence = np.random.SeedSequence([seed, step])
    return np.random.default_rng(sequence), torch.Generator().manual_seed(int(sequence.generate_state(1)[0]))
