"""Edit list: what was kept, cut, inserted, moved, repeated, reversed or played at another speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from musicfeat.versions.alignment import Alignment
from musicfeat.versions.detail import FRAME
from musicfeat.versions.path import NOWHERE, Run, span_of

Kind = Literal["kept", "cut", "inserted", "moved", "repeated", "reversed", "speed changed"]
LEAST = 0.1
"""Seconds that an edit must be long; coders shift and lengthen by less."""
SAME_SPEED = 0.003
"""Ratio of two speeds, less 1, up to which they are one."""


class Span(NamedTuple):
    """A stretch of a sound, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length."""
        return self.end - self.start


@dataclass(frozen=True)
class Edit:
    """One entry of an edit list."""

    kind: Kind
    first: Span
    """Where it is in the first sound; a point, of length 0, if it was inserted."""
    second: Span
    """Where it is in the second sound; a point if it was cut."""
    speed: float = 1.0
    """Seconds of the first sound in a second of the second."""


class Part(NamedTuple):
    """A part of the second sound that is in the first."""

    first: Span
    second: Span
    speed: float
    backwards: bool


def parts_of(found: Alignment) -> list[Part]:
    """Parts in the order of the second sound; neighbours that differ by less than an edit are joined."""
    parts = list[Part]()
    for run in found.runs:
        if run.guess == NOWHERE:
            continue
        part = _part(found, run)
        if parts and _continues(parts[-1], part):
            part = _joined(parts.pop(), part)
        parts.append(part)
    return [part for part in parts if part.second.seconds >= LEAST]


def _part(found: Alignment, run: Run) -> Part:
    guess = found.guesses[run.guess]
    there, here = Span(*span_of(guess, run.start, run.stop)), Span(run.start * FRAME, run.stop * FRAME)
    return Part(there, here, guess.way.speed, guess.way.backwards)


def _continues(one: Part, other: Part) -> bool:
    """True if nothing of the length of an edit lies between two parts, in either sound."""
    if one.backwards != other.backwards or abs(one.speed / other.speed - 1) > SAME_SPEED:
        return False
    gap = one.first.start - other.first.end if one.backwards else other.first.start - one.first.end
    return abs(gap) < LEAST and other.second.start - one.second.end < LEAST


def _joined(one: Part, other: Part) -> Part:
    first = Span(min(one.first.start, other.first.start), max(one.first.end, other.first.end))
    second = Span(one.second.start, other.second.end)
    return one._replace(first=first, second=second, speed=max((one, other), key=lambda p: p.second.seconds).speed)


def main_speed(parts: list[Part]) -> float:
    """The speed of the greatest part of the second sound; 1 if nothing is in common."""
    seconds = dict[float, float]()
    for part in parts:
        near = next((speed for speed in seconds if abs(part.speed / speed - 1) <= SAME_SPEED), part.speed)
        seconds[near] = seconds.get(near, 0.0) + part.second.seconds
    return max(seconds, key=seconds.__getitem__, default=1.0)


def edits_of(parts: list[Part], first: float, second: float) -> list[Edit]:
    """The edit list of two sounds of these lengths in seconds, in the order of the second."""
    speed, order = main_speed(parts), _in_order(parts)
    edits = list[Edit]()
    reached = 0.0
    for number, part in enumerate(parts):
        if number not in order:
            covered = sum(_shared(part, other) for n, other in enumerate(parts) if n != number)
            kind: Kind = "reversed" if part.backwards else "repeated" if covered > part.first.seconds / 2 else "moved"
            edits.append(Edit(kind, part.first, part.second, part.speed))
            continue
        edits += _kept(part, reached, speed)
        reached = max(reached, part.first.end)
    edits += _inserted(parts, second) + _cut(parts, order, first)
    return sorted(edits, key=lambda edit: (edit.second, edit.first))


def _kept(part: Part, reached: float, speed: float) -> list[Edit]:
    """A part in order; what the first sound had reached before is repeated."""
    kind: Kind = "kept" if abs(part.speed / speed - 1) <= SAME_SPEED else "speed changed"
    again = reached - part.first.start
    if again < LEAST:
        return [Edit(kind, part.first, part.second, part.speed)]
    border = part.second.start + again / part.speed
    return [
        Edit("repeated", Span(part.first.start, reached), Span(part.second.start, border), part.speed),
        Edit(kind, Span(reached, part.first.end), Span(border, part.second.end), part.speed),
    ]


def _in_order(parts: list[Part]) -> set[int]:
    """The forward parts that keep their order in both sounds, of greatest total length."""
    best = [(0.0 if part.backwards else part.second.seconds, -1) for part in parts]
    for j, other in enumerate(parts):
        for i, one in enumerate(parts[:j]):
            length = best[i][0] + other.second.seconds
            if not one.backwards and not other.backwards and _precedes(one.first, other.first) and length > best[j][0]:
                best[j] = length, i
    at, found = int(np.argmax([length for length, _ in best])) if best else -1, set[int]()
    while at >= 0 and best[at][0]:
        found.add(at)
        at = best[at][1]
    return found


def _precedes(one: Span, other: Span) -> bool:
    return one.start < other.start and one.end < other.end


def _shared(one: Part, other: Part) -> float:
    return max(0.0, min(one.first.end, other.first.end) - max(one.first.start, other.first.start))


def _inserted(parts: list[Part], second: float) -> list[Edit]:
    """What of the second sound is not in the first."""
    ends = [Part(Span(0, 0), Span(0, 0), 1, False), *parts, Part(Span(0, 0), Span(second, second), 1, False)]
    return [
        Edit("inserted", Span(_end(one), _end(one)), Span(one.second.end, other.second.start))
        for one, other in pairwise(ends)
        if other.second.start - one.second.end >= LEAST
    ]


def _end(part: Part) -> float:
    """Where a part leaves the first sound."""
    return part.first.start if part.backwards else part.first.end


def _cut(parts: list[Part], order: set[int], first: float) -> list[Edit]:
    """What of the first sound is not in the second."""
    edits, reached = list[Edit](), 0.0
    kept = [part for number, part in enumerate(parts) if number in order]
    for part in [*sorted(parts, key=lambda part: part.first), None]:
        start = part.first.start if part else first
        if start - reached >= LEAST:
            place = max((one.second.end for one in kept if one.first.end <= reached + LEAST), default=0.0)
            edits.append(Edit("cut", Span(reached, start), Span(place, place)))
        reached = max(reached, part.first.end if part else first)
    return edits


def rounded(edit: Edit) -> Edit:
    """An edit with its times rounded to milliseconds."""
    first, second = (Span(*(round(max(0.0, time), 3) for time in span)) for span in (edit.first, edit.second))
    return replace(edit, first=first, second=second)
