"""Alignment of two versions of a recording: first the ways through the first sound, then the likeliest path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from musicfeat.versions.borders import bordered
from musicfeat.versions.detail import FRAME, SPEC, Floats
from musicfeat.versions.fitting import fitted
from musicfeat.versions.guesses import (
    HOP,
    LEAST,
    LENGTH,
    NEAR,
    SCOUTS,
    Guess,
    Stretches,
    chosen,
    common,
    runs_of,
    scouted,
    stretches,
)
from musicfeat.versions.path import NOWHERE, Run, evidence, path
from musicfeat.versions.repeats import settled
from musicfeat.versions.search import Searched
from musicfeat.versions.warped import Warped, Way, warped

SAME_SPEED = 0.002
"""Ratio of two speeds, less 1, up to which they are one."""
NEAR_SPEED = 0.008
"""Ratio of two speeds, less 1, up to which neighbouring runs are fitted as one part."""
LEAST_SAMPLES = 2 * SPEC.step
"""Samples to which shorter sounds are filled up with silence, so that they have a frame at every speed."""
SHORT = round(0.25 / FRAME)
"""Least number of frames that were found nowhere and are searched for once more, as a whole."""
LONG = round(4 / FRAME)
"""Most frames that are searched for as a whole."""
UNLIKE = 0.7
"""Share of the usual correlation below which a stretch may run at another speed."""
SIGMA = 7.0
"""Least correlation of such a part in standard deviations of chance."""
REPEATS = 64
"""Number of places at which a part's repeats are looked for."""
ROUNDS = 2
"""Number of times that parts found nowhere are searched for."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """The path of the second sound through the first."""

    guesses: list[Guess]
    runs: list[Run]
    """Runs of frames of the second sound, in order; ``guess`` counts in ``guesses``, or is ``NOWHERE``."""


class Aligner:
    """Two waveforms at ``SPEC.sample_rate``, and the detail of the first at each speed that was asked for."""

    def __init__(self, first: Floats, second: Floats) -> None:
        self.first, self.wave = (np.pad(wave, (0, max(0, LEAST_SAMPLES - len(wave)))) for wave in (first, second))
        self.second = warped(self.wave)
        self.values = self.second.values.astype(np.float32)
        self._details: dict[float, Warped] = {}
        self._searched: dict[tuple[float, int], Searched] = {}

    def detail(self, speed: float) -> Warped:
        """Detail of the first sound as it is in a second one that plays faster by ``speed``."""
        if speed not in self._details:
            self._details[speed] = warped(self.first, speed)
        return self._details[speed]

    def searched(self, speed: float, length: int = LENGTH) -> Searched:
        """The first sound at a speed, ready to be searched."""
        if length != LENGTH:
            return Searched(self.detail(speed).values.astype(np.float32), length)
        if (speed, length) not in self._searched:
            self._searched[speed, length] = Searched(self.detail(speed).values.astype(np.float32), length)
        return self._searched[speed, length]

    def align(self) -> Alignment:
        """The likeliest path."""
        asked = self._stretches(0, len(self.values))
        ways = self._ways(asked)
        found = [asked.places(self.searched(way.speed), way.backwards) for way in ways]
        beside = Guess(ways[0] if ways else Way(), 0)  # what has no detail may still run beside the first sound
        guesses = list(dict.fromkeys([*chosen(ways, found), beside]))
        scores = [evidence(self.detail(guess.way.speed), self.second, guess) for guess in guesses]
        runs = self._runs(scores)
        for search in (self._overlooked, self._overlooked, self._fitted):
            more = [guess for guess in search(runs, guesses, ways) if guess not in guesses]
            guesses += more
            scores += [evidence(self.detail(guess.way.speed), self.second, guess) for guess in more]
            runs = self._runs(scores) if more else runs
        places = [self._repeats(run, guesses) for run in runs]
        runs, guesses = settled(runs, places, len(self.first) / SPEC.sample_rate)
        return Alignment(guesses, self._bordered(guesses, runs))

    def _bordered(self, guesses: list[Guess], runs: list[Run]) -> list[Run]:
        """Runs with their borders where the spectra change from one guess to the next."""
        levels = [(self.detail(g.way.speed).level, g) for g in guesses]
        return bordered(self.second.level, levels, runs)

    def _fitted(self, runs: list[Run], guesses: list[Guess], ways: list[Way]) -> list[Guess]:
        """Guesses with the exact speed of each part that does not run at the main one."""
        found = list[Guess]()
        for start, stop, guess in _regions(runs, guesses):
            if ways and abs(guess.way.speed / ways[0].speed - 1) > SAME_SPEED:
                found.append(fitted(self.first, self.values, guess, start, stop))
        return found

    def _runs(self, scores: list[Floats]) -> list[Run]:
        return path(np.stack(scores))

    def _stretches(self, start: int, stop: int, length: int = LENGTH, hop: int = HOP) -> Stretches:
        return stretches(self.values, self.second.heard, range(start, max(start + 1, stop - length + 1), hop), length)

    def _ways(self, asked: Stretches) -> list[Way]:
        """Ways that stretches of the second sound go, the commonest first, each in both directions."""
        ways, left = list[Way](), np.arange(len(asked.starts))
        for _ in range(ROUNDS):
            if not len(left):
                break
            some = asked.starts[left[np.linspace(0, len(left) - 1, min(SCOUTS, len(left))).astype(int)]]
            for speed in _speeds(scouted(self.searched(1.0), self.wave, some)):
                ways += self._refined(speed, asked, ways)
            best = [asked.places(self.searched(way.speed), way.backwards, 1).scores[:, 0] for way in ways]
            if best:
                most = np.max(best, axis=0)
                left = np.flatnonzero(most < max(LEAST, UNLIKE * float(np.median(most))))
        return ways

    def _refined(self, speed: float, asked: Stretches, known: list[Way]) -> list[Way]:
        """Ways near a speed, each fitted to the lags of its stretches."""
        found = list[Way]()
        for way in (Way(speed), Way(speed, True)):
            fitted = runs_of(way, asked.starts, asked.places(self.searched(way.speed), way.backwards, 1))
            for near in fitted:
                places = asked.places(self.searched(near.speed), near.backwards, 1)
                again = runs_of(near, asked.starts, places)
                best = again[0] if again else near
                if all(abs(best.speed / other.speed - 1) > SAME_SPEED for other in [*known, *found]):
                    found += [best, Way(best.speed, not best.backwards)]
        if not found and all(abs(speed / other.speed - 1) > 5 * SAME_SPEED for other in known):
            found = [Way(speed), Way(speed, True)]
        return found

    def _repeats(self, run: Run, guesses: list[Guess]) -> list[Guess]:
        """The guess of a run, and those of all places where the first sound repeats it; none for what is nowhere."""
        if run.guess == NOWHERE:
            return []
        own, frames = guesses[run.guess], run.stop - run.start
        length, found = min(LENGTH, frames), list[int]()
        for hop in (max(1, (frames - length) // 2), max(1, length // 2)):  # three pieces tell most that have no repeats
            pieces = self._stretches(run.start, run.stop, length, hop)
            if length < SHORT or not len(pieces.starts):
                return [own]
            found = common(pieces.places(self.searched(own.way.speed, length), own.way.backwards, REPEATS))
            if len(found) < 2:
                return [own]
        return [own, *(Guess(own.way, lag) for lag in found if abs(lag - own.lag) > NEAR)]

    def _overlooked(self, runs: list[Run], _: list[Guess], ways: list[Way]) -> list[Guess]:
        """Guesses for parts that were found nowhere, each searched for as a whole or in pieces of a second."""
        found = list[Guess]()
        for run in runs:
            if run.guess != NOWHERE or run.stop - run.start < SHORT:
                continue
            length = run.stop - run.start if run.stop - run.start <= LONG else HOP
            pieces = self._stretches(run.start, run.stop, length, max(1, length // 2))
            least = max(LEAST, SIGMA * float(np.sqrt(8 / (length * SPEC.n_mels))))
            for way in ways if len(pieces.starts) else []:
                places = pieces.places(self.searched(way.speed, length), way.backwards, 1)
                found += [Guess(way, round(float(lag))) for lag in places.starts[places.scores >= least]]
        return list(dict.fromkeys(found))


def _regions(runs: list[Run], guesses: list[Guess]) -> Iterator[tuple[int, int, Guess]]:
    """First frame, the frame behind the last, and the guess of most of it, of neighbouring runs of nearly one speed."""
    held = list[Run]()
    for run in [*runs, Run(0, 0, NOWHERE)]:
        if held and (run.guess == NOWHERE or not _alike(guesses[held[-1].guess].way, guesses[run.guess].way)):
            yield held[0].start, held[-1].stop, guesses[max(held, key=lambda one: one.stop - one.start).guess]
            held = []
        held += [run] if run.guess != NOWHERE else []


def _alike(one: Way, other: Way) -> bool:
    return one.backwards == other.backwards and abs(one.speed / other.speed - 1) < NEAR_SPEED


def _speeds(ways: list[Way]) -> list[float]:
    """Speeds of ways, the commonest first; neighbours on the grid count as one."""
    speeds = np.sort([way.speed for way in ways])
    groups = np.split(speeds, np.flatnonzero(np.diff(speeds) > 0.015) + 1) if len(speeds) else []
    return [float(np.median(group)) for group in sorted(groups, key=len, reverse=True)]
