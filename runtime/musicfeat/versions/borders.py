"""Borders between runs, placed where the spectrum of the second sound stops following one part of the first.

The detail looks 0.12 s each way, so its evidence is blurred around a join. Log spectra of 46 ms are not, and once two
guesses are known, the colour and level of the copy are, too: they are the median difference along the run.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from musicfeat.versions.detail import FRAME, Floats
from musicfeat.versions.guesses import Guess
from musicfeat.versions.path import NOWHERE, Run, aligned

Level = npt.NDArray[np.float16]
SHORT = round(0.3 / FRAME)
"""Most frames between two parts that are divided among them: the blur of the detail around a join."""
REACH = round(0.3 / FRAME)
"""Number of frames by which a border may move each way."""
NEAR = round(4 / FRAME)
"""Number of frames along a run by which its colour and level are known."""
FAR = 4.0
"""Largest difference of log spectra that counts, in nepers."""


def bordered(second: Level, firsts: list[tuple[Level, Guess]], runs: list[Run]) -> list[Run]:
    """Runs with exact borders.

    Args:
        second: [T, bands] log power of the second sound.
        firsts: log power of the first sound at each guess's speed, and the guess.
        runs: runs of frames of the second sound, in order.
    """
    runs = _closed(runs)
    borders = [0]
    for one, other in pairwise(runs):
        low = max(borders[-1] + 1, one.stop - REACH, one.start + 1)
        high = min(one.stop + REACH, other.stop - 1)
        borders.append(_border(second, firsts, one, other, low, high) if low < high else one.stop)
    stops = [*borders[1:], runs[-1].stop if runs else 0]
    return [Run(a, b, run.guess) for a, b, run in zip(borders, stops, runs, strict=False) if b > a]


def _closed(runs: list[Run]) -> list[Run]:
    """Runs without short ones that are nowhere between two others."""
    kept = list[Run]()
    for number, run in enumerate(runs):
        inner = 0 < number < len(runs) - 1
        if inner and run.guess == NOWHERE and run.stop - run.start <= SHORT:
            middle = (run.start + run.stop) // 2
            kept[-1] = kept[-1]._replace(stop=middle)
            runs[number + 1] = runs[number + 1]._replace(start=middle)
        else:
            kept.append(run)
    return kept


def _border(second: Level, firsts: list[tuple[Level, Guess]], one: Run, other: Run, low: int, high: int) -> int:
    """The frame from which on the other run explains the second sound better than the one before."""
    before = _distance(second, firsts, one, low, high, range(max(one.start, low - NEAR), low))
    after = _distance(second, firsts, other, low, high, range(high, min(other.stop, high + NEAR)))
    if before is None and after is None:
        return one.stop
    if before is None:
        before = np.full(high - low, _middle(after, one.stop - low))
    if after is None:
        after = np.full(high - low, _middle(before, one.stop - low))
    return low + int(np.argmax(np.concatenate([[0.0], np.cumsum(after - before)])))


def _distance(
    second: Level, firsts: list[tuple[Level, Guess]], run: Run, low: int, high: int, known: range
) -> Floats | None:
    """[high - low] mean squared difference of log spectra under a run's guess; None if it is nowhere."""
    if run.guess == NOWHERE:
        return None
    level, guess = firsts[run.guess]
    frames = np.arange(low, high)
    colour = np.median(_difference(second, level, guess, np.asarray(known)), axis=0) if len(known) else 0.0
    found = np.clip(_difference(second, level, guess, frames) - colour, -FAR, FAR)
    return np.square(found - 0.5 * found.mean(axis=1, keepdims=True)).mean(axis=1)


def _difference(second: Level, level: Level, guess: Guess, frames: npt.NDArray[np.int64]) -> Floats:
    """[frames, bands] difference of the second sound's log power from the first's."""
    start = int(frames[0])
    moved = guess._replace(lag=guess.lag + (-start if guess.way.backwards else start))
    floor = np.float32(np.log(1e-5))
    there = aligned(level.astype(np.float32) - floor, moved, len(frames)) + floor
    return second[frames].astype(np.float32) - there


def _middle(distance: Floats | None, border: int) -> float:
    """A distance halfway between those on both sides of a border."""
    if distance is None:
        return 0.0
    border = min(max(border, 1), len(distance) - 1)
    return float(np.mean(distance[:border]) + np.mean(distance[border:])) / 2
