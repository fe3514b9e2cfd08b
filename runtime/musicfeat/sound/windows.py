"""Windows of fixed length and hop over a stream of samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat.sound.waveform import Waveform

SILENCE = 2e-6
"""Greatest difference between the samples of a silent window (about -120 dB full scale)."""


@dataclass(frozen=True, eq=False)
class Window:
    """One window of a recording, padded with zeros behind its ``valid`` samples."""

    samples: Waveform
    """[window] float32 samples."""
    start: int
    """First sample, counted from the beginning of the recording."""
    valid: int
    """Number of samples that are sound; the rest is padding."""

    @property
    def silent(self) -> bool:
        """True if the samples hardly differ from a constant."""
        return bool(np.ptp(self.samples[: self.valid]) <= SILENCE)


def cut(blocks: Iterable[Waveform], window: int, hop: int) -> Iterator[Window]:
    """Cut a recording, passed as consecutive blocks of any size, into windows.

    Windows start at 0, hop, 2 hop, ... and stop with the first that reaches the end, so every sample
    lies in at least one; only the last can be padded. Memory: one window and one block.

    Args:
        blocks: mono float32, at least one sample in all.
        window: samples of a window.
        hop: samples from one start to the next, from 1 to ``window``.

    Yields:
        Windows in order, each as soon as it is complete.

    Raises:
        InputError: ``hop`` leaves samples out, or the recording is empty.
    """
    if not 1 <= hop <= window:
        raise InputError(f"hop must be from 1 to {window} samples so that none is left out, got {hop}")
    samples, filled, start = np.zeros(window, dtype=np.float32), 0, 0
    for block in blocks:
        rest = block
        while len(rest):
            if filled == window:
                samples, filled, start = _moved_on(samples, hop), window - hop, start + hop
            taken = rest[: window - filled]
            samples[filled : filled + len(taken)] = taken
            filled, rest = filled + len(taken), rest[len(taken) :]
            if filled == window:
                yield Window(samples, start, window)
    if not filled:
        raise InputError("audio is empty: at least one sample is needed")
    if filled < window:
        yield Window(samples, start, filled)


def _moved_on(samples: Waveform, hop: int) -> Waveform:
    """A new buffer that begins with the samples shared by this window and the next."""
    following = np.zeros_like(samples)
    following[: len(samples) - hop] = samples[hop:]
    return following


def pooling_weights(valid: npt.NDArray[np.int64], hop: int) -> npt.NDArray[np.float64]:
    """Weight of each window in a pooled result, so that every sample of the recording counts once.

    Each window stands for its first ``hop`` samples, the last for all its samples.

    Args:
        valid: [W] ``valid`` of the windows that ``cut`` made.
        hop: as for ``cut``.
    """
    weights = np.full(len(valid), float(hop))
    weights[-1] = valid[-1]
    return weights


def batches(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    """Consecutive lists of ``size`` windows, the last one perhaps shorter."""
    batch: list[Window] = []
    for window in windows:
        batch.append(window)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
