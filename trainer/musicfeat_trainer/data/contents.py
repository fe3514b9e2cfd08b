"""Contents that a store can keep of a file: an array such as the waveform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat.sound.audio import load
from musicfeat_trainer.data.midi import MIDI_SUFFIXES
from musicfeat_trainer.data.render import performed

FULL_SCALE = 32767


class Contents(Protocol):
    """Conversion of a file to an array; pickled to the processes that read."""

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame to the next."""
        ...

    def described(self) -> dict[str, Any]:
        """Settings that define the contents, as JSON; a store with other settings is not opened."""
        ...

    def read(self, path: Path) -> npt.NDArray[np.generic]:
        """Array of a file, [frames, ...]; raises a ``MusicfeatError`` if the file cannot be read."""
        ...

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        """Array of silence, [frames, ...]."""
        ...


@dataclass(frozen=True)
class Waveform:
    """Mono samples, [samples] int16 of full scale, which every frontend can read."""

    sample_rate: int
    font: Path | None = None
    """Sound font that MIDI files are rendered through."""

    @property
    def frame_seconds(self) -> float:
        return 1 / self.sample_rate

    def described(self) -> dict[str, Any]:
        font = {"font": self.font.name} if self.font else {}
        return {"waveform": self.sample_rate, **font}

    def read(self, path: Path) -> npt.NDArray[np.int16]:
        waveform = self._samples(path)
        if not len(waveform):
            raise InputError(f"{path} holds no samples")
        return np.round(np.clip(waveform, -1, 1) * FULL_SCALE).astype(np.int16)

    def _samples(self, path: Path) -> npt.NDArray[np.float32]:
        if path.suffix.lower() not in MIDI_SUFFIXES:
            return load(path, rate=self.sample_rate)
        if not self.font:
            raise InputError(f"{path} is MIDI, which sounds through a sound font: name one, `font` of the data set")
        return performed(path, self.font, self.sample_rate)

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        return np.zeros(frames, np.float32)
