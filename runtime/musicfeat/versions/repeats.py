"""Choice between places that sound the same: of exact repeats, those that need the fewest edits.

A loop lets a passage stand at any of its repeats, equally well; which of them the frames prefer is chance. Of such
places, the ones are taken with which most of the first sound runs on in its order.
"""

from __future__ import annotations

from typing import NamedTuple

from musicfeat.versions.guesses import Guess
from musicfeat.versions.path import NOWHERE, Run, span_of

LEAST = 0.1
"""Seconds up to which two parts touch."""
CUT, BACK = 1.0, 2.0
"""Price of leaving something of the first sound out, and of going back in it."""
SECOND = 1e-3
"""Price of a second that is left out or heard again, which tells jumps of one kind apart."""


class _Stand(NamedTuple):
    """A part at one of its places, and the cheapest way there."""

    price: float
    guess: Guess | None
    before: _Stand | None
    end: float
    """Seconds of the first sound where the part ends."""


def settled(runs: list[Run], places: list[list[Guess]], seconds: float) -> tuple[list[Run], list[Guess]]:
    """The runs, each at the one of its places that makes the edit list shortest, and the guesses that they count in.

    Args:
        runs: consecutive runs of the second sound.
        places: guesses of each run, none if it was inserted.
        seconds: length of the first sound.
    """
    stands = [_Stand(0.0, None, None, 0.0)]
    for run, some in zip(runs, places, strict=True):
        stands = [_cheapest(stands, run, guess) for guess in some] or stands
    last: _Stand | None = min(stands, key=lambda stand: stand.price + _price(seconds - stand.end))
    chosen, guesses = list[Run](), dict[Guess, int]()
    for run, some in zip(runs[::-1], places[::-1], strict=True):
        if some and last and last.guess:
            chosen.append(run._replace(guess=guesses.setdefault(last.guess, len(guesses))))
            last = last.before
        else:
            chosen.append(run._replace(guess=NOWHERE))
    return _joined(chosen[::-1]), list(guesses)


def _cheapest(stands: list[_Stand], run: Run, guess: Guess) -> _Stand:
    start, end = span_of(guess, run.start, run.stop)
    before = min(stands, key=lambda stand: stand.price + _price(start - stand.end))
    return _Stand(before.price + _price(start - before.end), guess, before, end)


def _price(gap: float) -> float:
    """Price of a jump in the first sound."""
    if abs(gap) < LEAST:
        return 0.0
    return (CUT if gap > 0 else BACK) + SECOND * abs(gap)


def _joined(runs: list[Run]) -> list[Run]:
    """Runs without borders between two parts of one guess."""
    found = list[Run]()
    for run in runs:
        start = found.pop().start if found and found[-1].guess == run.guess else run.start
        found.append(run._replace(start=start))
    return found
