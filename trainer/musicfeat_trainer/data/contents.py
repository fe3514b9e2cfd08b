"""What a store can keep of a file: mel power, or the waveform."""

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
    """How a file becomes an array; pickled to the processes that read."""

    @property
    def frame_seconds(self) -> float:
        """From one frame to the next."""
        ...

    def described(self) -> dict[str, Any]:
        """What pins the contents down, as JSON: a store of other contents is not opened."""
        ...

    def read(self, path: Path) -> npt.NDArray[np.generic]:
        """[frames, ...] of a file; raises a ``MusicfeatError`` where that is impossible."""
        ...

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        """So many frames of nothing."""
        ...


@dataclass(frozen=True)
class Waveform:
    """Mono samples, [samples] int16 of full scale: every frontend can still read them."""

    sample_rate: int
    font: Path | None = None
    """The sound font through which MIDI files are heard."""

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
