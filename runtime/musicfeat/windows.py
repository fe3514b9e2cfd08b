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
    samples, filled, start = np.zeros(window, dtype=np.float32), 0, 0
    for piece in pieces:
        rest = piece
        while len(rest):
            if filled == window:
                yield Window(samples, start, window, hop)
                samples, filled, start = _moved_on(samples, hop), window - hop, start + hop
            taken = rest[: window - filled]
            samples[filled : filled + len(taken)] = taken
            filled, rest = filled + len(taken), rest[len(taken) :]
    if not filled:
        raise InputError("audio is empty: at least one sample is needed")
    yield Window(samples, start, filled, filled)


def _moved_on(samples: Waveform, hop: int) -> Waveform:
    """A new buffer that begins with what the next window shares with this one."""
    following = np.zeros_like(samples)
    following[: len(samples) - hop] = samples[hop:]
    return following


def count(samples: int, window: int, hop: int) -> int:
    """How many windows ``cut`` makes of so many samples."""
    return 1 + max(0, -(-(samples - window) // hop))
