"""Mel power of music: the contents of the stores that the bundled model learns from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from musicfeat.errors import InputError
from musicfeat.sound.audio import load
from musicfeat.sound.log_mel import SILENCE_POWER, LogMelSpec
from musicfeat_trainer.frontends.log_mel import LogMel

CHUNK_FRAMES = 4096


@dataclass(frozen=True)
class MelPower:
    """Natural logarithm of mel power, [frames, n_mels] float16."""

    spec: LogMelSpec

    @property
    def frame_seconds(self) -> float:
        return self.spec.step / self.spec.sample_rate

    def described(self) -> dict[str, Any]:
        return asdict(self.spec)

    def read(self, path: Path) -> npt.NDArray[np.float16]:
        torch.set_num_threads(1)
        return mel_power_of(load(path, rate=self.spec.sample_rate), LogMel(self.spec))

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        return np.full((frames, self.spec.n_mels), np.log(SILENCE_POWER), np.float32)


def mel_power_of(waveform: npt.NDArray[np.float32], frontend: LogMel) -> npt.NDArray[np.float16]:
    """Log mel power of a whole track, [samples // step, n_mels], computed in bounded memory."""
    step, chunk = frontend.spec.step, CHUNK_FRAMES * frontend.spec.step
    margin = -(-frontend.spec.n_fft // step) * step
    parts = []
    for start in range(0, len(waveform) // step * step, chunk):
        first = max(0, start - margin)
        piece = torch.from_numpy(waveform[first : start + chunk + margin])[None]
        with torch.no_grad():
            power = frontend.power(piece)[0, (start - first) // step :][:CHUNK_FRAMES]
        parts.append((power + SILENCE_POWER).log().numpy().astype(np.float16))
    if not parts:
        raise InputError(f"shorter than one frame of {step} samples")
    return np.concatenate(parts)
