"""Exact speed and offset of a short part, whose lags alone tell its speed too coarsely."""

from __future__ import annotations

import numpy as np

from musicfeat.versions.detail import FRAME, SPEC, Floats
from musicfeat.versions.guesses import Guess
from musicfeat.versions.path import frames_of
from musicfeat.versions.warped import Way, warped

LONGEST = round(12 / FRAME)
"""Most frames of a part that are compared, from its middle."""
STEPS = (0.003, 0.001, 0.0004)
"""Ratios, less 1, of one speed to the next, from coarse to fine."""
REACH = 6
"""Number of frames by which the offset may change each way."""


def fitted(first: Floats, second: Floats, guess: Guess, start: int, stop: int) -> Guess:
    """The guess near another one whose detail agrees best with the second sound's values from ``start`` to ``stop``.

    Args:
        first: waveform of the first sound.
        second: [T, bands] values of the second sound.
        guess: a guess whose speed is right to about 1 %.
        start: first frame of the part.
        stop: frame behind the last.
    """
    middle, half = (start + stop) // 2, min(stop - start, LONGEST) // 2
    part = second[middle - half : middle + half]
    place = (float(frames_of(guess, np.array(middle))) + 0.5) * SPEC.step * guess.way.speed
    speed, off = guess.way.speed, 0
    for step in STEPS:
        tried = {speed * (1 + n * step): None for n in range(-3, 4)}
        scores = {s: _agreement(first, part, place, Way(s, guess.way.backwards)) for s in tried}
        speed = max(scores, key=lambda s: scores[s][0])
        off = scores[speed][1]
    at = round(place / SPEC.step / speed - 0.5) + off
    return Guess(Way(speed, guess.way.backwards), at + middle if guess.way.backwards else at - middle)


def _agreement(first: Floats, part: Floats, place: float, way: Way) -> tuple[float, int]:
    """Greatest product of a part with the first sound around a sample, and the frames by which it is off there."""
    half = len(part) // 2
    edge = half + REACH + 15
    middle = round(place / SPEC.step / way.speed - 0.5)
    begin = max(0, middle - edge)
    offset = round(begin * SPEC.step * way.speed)
    cut = first[offset : round((middle + edge + 1) * SPEC.step * way.speed)]
    values = np.pad(warped(cut, way.speed).values.astype(np.float32), ((edge, edge), (0, 0)))
    asked, at = part[::-1] if way.backwards else part, middle - begin + edge
    shift = 1 - half if way.backwards else -half
    scores = {
        off: float(np.vdot(values[at + shift + off : at + shift + off + len(asked)], asked))
        for off in range(-REACH, REACH + 1)
    }
    best = max(scores, key=scores.__getitem__)
    return scores[best], best
