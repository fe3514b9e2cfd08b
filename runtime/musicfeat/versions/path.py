"""The likeliest path through the first of two versions, frame by frame of the second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.versions.detail import FRAME, Floats
from musicfeat.versions.guesses import Guess
from musicfeat.versions.search import Ints
from musicfeat.versions.warped import Warped

EVIDENCE = 3.0
"""Nats that a frame of unit energy and correlation 1 counts; neighbouring frames and bands say much the same."""
ALIKE = 0.4
"""Correlation from which a frame speaks for a guess."""
CHANGE = 28.0
"""Nats of evidence that a change from one guess to another must have; half of it to what was not in the first."""
LOUDEST = 4.6
"""Nepers of power, 20 dB, below the loudest band of a frame down to which levels are compared."""
SAME_LEVEL = 0.25
"""Root mean square difference of levels, 1 dB, up to which two frames sound the same."""
STEADY = 0.1
"""Nats that a frame without like detail speaks for a guess if it sounds the same."""
NOWHERE = -1
"""Number of the guess that a part was inserted."""


class Run(NamedTuple):
    """Consecutive frames of the second sound under one guess."""

    start: int
    stop: int
    guess: int


def evidence(first: Warped, second: Warped, guess: Guess) -> Floats:
    """[T] nats by which each frame of the second sound speaks for a guess, against that it was inserted.

    Steady tones, without detail but that of coders, say little; silence in both nothing; silence in one, or the end
    of the first, speaks against the guess.
    """
    frames = len(second)
    here, there = second.values.astype(np.float32), aligned(first.values, guess, frames)
    energy = np.square(here).sum(1) + np.square(there).sum(1)
    score = EVIDENCE * (np.einsum("tb,tb->t", here, there) - 0.5 * ALIKE * energy) / here.shape[1]
    states = np.stack([first.heard, first.loud, np.ones(len(first), np.bool_)], axis=1)
    heard, loud, inside = aligned(states, guess, frames).T > 0
    clash = (second.loud & ~heard) | (loud & ~second.heard) | ~inside
    steady = np.flatnonzero((score < STEADY) & second.heard)
    score[steady[_same(first, second, guess, steady)]] = STEADY
    return np.where(clash, np.minimum(score, -EVIDENCE * ALIKE), score)


def _same(first: Warped, second: Warped, guess: Guess, frames: Ints) -> npt.NDArray[np.bool_]:
    """True for frames whose loud bands are at one level in both sounds."""
    places = np.clip(frames_of(guess, frames), 0, len(first) - 1)
    here, there = second.level[frames].astype(np.float32), first.level[places].astype(np.float32)
    loud = here > here.max(axis=1, keepdims=True, initial=-np.inf) - LOUDEST
    return np.square((here - there) * loud).sum(1) < SAME_LEVEL**2 * loud.sum(1)


def aligned(values: npt.NDArray[np.generic], guess: Guess, frames: int) -> Floats:
    """[frames, columns] values of the first sound at each frame of the second, 0 outside of it."""
    places = frames_of(guess, np.arange(frames))
    inside = (places >= 0) & (places < len(values))
    found = np.zeros((frames, values.shape[1]), np.float32)
    found[inside] = values[places[inside]]
    return found


def frames_of(guess: Guess, frames: Ints) -> Ints:
    """Frames of the first sound that a guess puts beside those of the second."""
    return guess.lag - frames if guess.way.backwards else guess.lag + frames


def span_of(guess: Guess, start: int, stop: int) -> tuple[float, float]:
    """Start and end in seconds of the first sound that a guess puts beside frames ``start`` to ``stop``."""
    lag, scale = guess.lag, FRAME * guess.way.speed
    ends = (lag - stop + 1, lag - start + 1) if guess.way.backwards else (lag + start, lag + stop)
    return ends[0] * scale, ends[1] * scale


def path(scores: Floats) -> list[Run]:
    """The best sequence of guesses for their evidence [H, T], with a price on each change (Viterbi, 1967)."""
    count, frames = scores.shape
    best, nowhere = scores[:, 0].astype(np.float64), 0.0
    came = np.full((frames, count + 1), False)
    leader = np.zeros(frames, np.int64)
    from_nowhere = np.zeros(frames, np.bool_)
    for t in range(1, frames):
        top = int(best.argmax())
        entry, leave = max(best[top] - CHANGE, nowhere - CHANGE / 2), best[top] - CHANGE / 2
        leader[t], from_nowhere[t] = top, nowhere - CHANGE / 2 > best[top] - CHANGE
        came[t, :count] = best < entry
        came[t, count] = nowhere < leave
        np.maximum(best, entry, out=best)
        best += scores[:, t]
        nowhere = max(nowhere, leave)
    return _traced(came, leader, from_nowhere, NOWHERE if nowhere > best.max() else int(best.argmax()))


def _traced(came: npt.NDArray[np.bool_], leader: Ints, from_nowhere: npt.NDArray[np.bool_], last: int) -> list[Run]:
    """Runs of the best sequence, from its last guess back."""
    runs, stop, state = list[Run](), len(came), last
    while stop > 0:
        before = np.flatnonzero(came[1:stop, state])
        start = int(before[-1]) + 1 if len(before) else 0
        runs.append(Run(start, stop, state))
        state = NOWHERE if start and state != NOWHERE and from_nowhere[start] else int(leader[start])
        stop = start
    return runs[::-1]
