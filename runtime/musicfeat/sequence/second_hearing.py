"""Second hearing of windows that seem to hold a cut, at another speed; both answers count (test-time augmentation).

A network that errs on a sound often does not err on the same sound played a little slower. Few windows of music that
was never cut are suspicious, so that the second hearing costs little.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from musicfeat.curves import log_odds
from musicfeat.model.card import ModelCard
from musicfeat.sound.waveform import Waveform

SUSPICIOUS = 0.25
"""Least P(cut) in a window that is heard again."""
SLOWER = 1.06
"""Length of the second hearing, the first being 1."""
SURER = 1.4
"""Factor of the mean of both log-odds: two answers that agree are surer than one. Fitted to held-out music."""

Rows = npt.NDArray[np.float32]


def heard_again(windows: Rows, cuts: Rows, card: ModelCard, run: Callable[[Rows], Rows]) -> Rows:
    """P(cut) [batch, T] of windows [batch, window], of which ``cuts`` [batch, T] are known from a first hearing.

    Args:
        windows: sound at the model's rate.
        cuts: P(cut) at the card's moments of each window.
        card: the model's card.
        run: the model, from windows to their P(cut).
    """
    likely = np.flatnonzero(cuts.max(axis=1) >= SUSPICIOUS)
    if not len(likely):
        return cuts
    step, first = card.curves["cut"]
    moments = first + step * np.arange(cuts.shape[1])
    starts = [_start(moments[i] * card.sample_rate, card.window) for i in cuts[likely].argmax(axis=1)]
    rows = run(np.stack([slower(windows[i], start) for i, start in zip(likely, starts, strict=True)]))
    result = cuts.copy()
    for i, start, row in zip(likely, starts, rows, strict=True):
        times = (start / card.sample_rate + moments) / SLOWER
        both = (times[0] <= moments) & (moments <= times[-1])
        second = np.interp(moments[both], times, log_odds(row))
        result[i, both] = 1 / (1 + np.exp(-SURER * (log_odds(cuts[i, both]) + second) / 2))
    return result


def _start(place: float, window: int) -> int:
    """First sample to be heard of a slower window, so that a place of the window comes in the middle if it can."""
    return int(np.clip(np.floor(place * SLOWER - window / 2), 0, np.floor((window - 1) * (SLOWER - 1))))


def slower(window: Waveform, start: int) -> Waveform:
    """A window played slower and lower, [window], from the sample ``start`` of the longer one on.

    Linear interpolation serves as well here as a resampler, and is the same in every language.
    """
    places = (start + np.arange(len(window))) / SLOWER
    return np.interp(places, np.arange(len(window)), window).astype(np.float32)
