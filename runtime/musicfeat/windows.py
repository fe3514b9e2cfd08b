"""Windows of fixed length and hop over a stream of samples: one truth for every caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from musicfeat.audio import Waveform
from musicfeat.errors import InputError


@dataclass(frozen=True)
class Window:
    """One window of a recording, padded with zeros behind its ``valid`` samples."""

    samples: Waveform
    """[window] float32."""
    start: int
    """First sample, counted from the beginning of the recording."""
    valid: int
    """How many samples are sound; the rest is padding."""
    weight: int
    """Samples that only this window stands for in a pooled result; they add up to the length."""


def cut(pieces: Iterable[Waveform], window: int, hop: int) -> Iterator[Window]:
    """Cut a recording, handed over in consecutive pieces of any size, into windows.

    Windows start at 0, hop, 2 hop, ... and stop with the first that reaches the end, so every sample
    lies in at least one. A window of a recording that goes on behind it is always full; only the
    last is padded. For the pooled result each window stands for its first ``hop`` samples and the last
    for all that remain: no sample counts twice. Memory: one window and one piece.

    Args:
        pieces: mono float32, at least one sample in all.
        window: samples of a window.
        hop: samples from one start to the next, from 1 to ``window``.

    Yields:
        Windows in order, each as soon as it is known whether it is the last.

    Raises:
        InputError: ``hop`` leaves samples out, or there is no sample at all.
    """
    if not 1 <= hop <= window:
        raise InputError(f"hop must be from 1 to {window} samples so that none is left out, got {hop}")
    held, start = np.zeros(0, dtype=np.float32), 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) > window:
            yield Window(held[:window].copy(), start, window, hop)
            held, start = held[hop:], start + hop
    if not len(held):
        raise InputError("audio is empty: at least one sample is needed")
    yield Window(np.pad(held, (0, window - len(held))), start, len(held), len(held))


def count(samples: int, window: int, hop: int) -> int:
    """How many windows ``cut`` makes of so many samples."""
    return 1 + max(0, -(-(samples - window) // hop))
