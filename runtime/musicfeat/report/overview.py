"""Overview of a recording: a small spectrogram and the outline of its waveform, read in blocks."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat.sound.audio import PathLike, blocks
from musicfeat.sound.log_mel import SILENCE_POWER, LogMelSpec, mel_power
from musicfeat.sound.waveform import Waveform

DECIBELS = 60.0
"""Range in decibels from the loudest place down to the level drawn as silence."""
BLOCK = 512
"""Number of frames of the spectrogram that are computed at once."""
SPEC = LogMelSpec()


@dataclass(frozen=True, eq=False)
class Overview:
    """Data for a picture of a recording, bounded in size for any length."""

    duration: float
    spectrogram: npt.NDArray[np.uint8]
    """[frames, bands] mel power in decibels, low bands first; 0 is ``DECIBELS`` below the loudest place, 255 there."""
    peaks: npt.NDArray[np.int8]
    """[2 * frames] least and greatest sample of each frame, alternating; 127 is full scale or a louder peak."""

    def packed(self) -> dict[str, Any]:
        """Plain values for JSON, with the arrays as base64 of their bytes."""
        frames, bands = self.spectrogram.shape
        texts = {name: base64.b64encode(getattr(self, name).tobytes()).decode() for name in ("spectrogram", "peaks")}
        return {"duration": self.duration, "frames": frames, "bands": bands, **texts}


def overview(path: PathLike, frames: int = 1200) -> Overview:
    """Overview of a file, decoded once in memory that does not grow with its length.

    Args:
        path: the file.
        frames: greatest number of columns in the picture; a file with more steps than these fills at least half.

    Raises:
        AudioError: the file cannot be decoded.
        InputError: ``frames`` is below 2.
    """
    if frames < 2:
        raise InputError(f"an overview needs at least 2 frames, got {frames}")
    columns, samples = _Columns(frames), 0
    for wave, power in _mel_blocks(blocks(path, rate=SPEC.sample_rate)):
        samples += len(wave)
        columns.add(power, np.pad(wave, (0, -len(wave) % SPEC.hop)).reshape(-1, SPEC.hop))
    return Overview(samples / SPEC.sample_rate, columns.spectrogram(), columns.peaks())


class _Columns:
    """A limited number of columns; whenever they are full, neighbours are merged."""

    def __init__(self, most: int) -> None:
        self._most, self._size, self._frames = most, 1, 0
        self._power = np.zeros((most, SPEC.n_mels))
        self._low, self._high = np.zeros(most), np.zeros(most)

    def add(self, power: npt.NDArray[np.float64], wave: Waveform) -> None:
        """Add the next frames: their mel power [k, bands] and their samples [k, hop]."""
        while self._frames + len(power) > self._most * self._size:
            self._fold()
        column = (self._frames + np.arange(len(power))) // self._size
        self._frames += len(power)
        np.add.at(self._power, column, power)
        np.minimum.at(self._low, column, wave.min(axis=1))
        np.maximum.at(self._high, column, wave.max(axis=1))

    def _fold(self) -> None:
        self._size *= 2
        odd = self._most % 2
        for values, together in ((self._power, np.add), (self._low, np.minimum), (self._high, np.maximum)):
            pairs = np.pad(values, ((0, odd), *[(0, 0)] * (values.ndim - 1)))
            half = len(pairs) // 2
            values[:half] = together(pairs[::2], pairs[1::2])
            values[half:] = 0

    @property
    def _used(self) -> int:
        return -(-self._frames // self._size)

    def spectrogram(self) -> npt.NDArray[np.uint8]:
        counts = np.minimum(self._size, self._frames - self._size * np.arange(self._used))
        power = self._power[: self._used] / counts[:, None]
        decibels = 10 * np.log10(np.maximum(power, SILENCE_POWER) / max(power.max(), SILENCE_POWER))
        levels = np.where(power > SILENCE_POWER, 1 + decibels / DECIBELS, 0)
        return np.asarray(np.round(255 * np.clip(levels, 0, 1)), dtype=np.uint8)

    def peaks(self) -> npt.NDArray[np.int8]:
        pairs = np.stack([self._low[: self._used], self._high[: self._used]], axis=1).ravel()
        return np.asarray(np.round(127 * pairs / max(1.0, np.abs(pairs).max())), dtype=np.int8)


def _mel_blocks(sound: Iterator[Waveform]) -> Iterator[tuple[Waveform, npt.NDArray[np.float64]]]:
    """The waveform in blocks of whole frames (except the last), each with its mel power [frames, bands].

    A block is computed with one frame of its neighbours at either side, so that the result equals that of the whole.
    """
    hop, size = SPEC.hop, BLOCK * SPEC.hop
    before, waiting = np.zeros(hop, dtype=np.float32), np.zeros(0, dtype=np.float32)
    for block in sound:
        waiting = np.concatenate([waiting, block])
        while len(waiting) >= size + hop:
            yield waiting[:size], mel_power(np.concatenate([before, waiting[: size + hop]]), SPEC)[1:-1]
            before, waiting = waiting[size - hop : size], waiting[size:]
    if len(waiting):
        whole = np.pad(waiting, (0, hop + -len(waiting) % hop))
        yield waiting, mel_power(np.concatenate([before, whole]), SPEC)[1:-1]
