"""Packing of pieces of music into model windows, so that ``successor`` scores every join between them.

A model compares the parts ``piece_distance`` apart around a join. For a ``gap`` of missing sound, each piece is
placed so that the gap and the samples that the model cuts away add up to that distance exactly: half of the gap
is left silent at each edge.

Where nothing is missing, pieces that follow each other run on. A model with a curve of cuts hears whether they do, and
its evidence is added to the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from musicfeat.curves import log_odds
from musicfeat.errors import InputError
from musicfeat.model.card import ModelCard
from musicfeat.sound.arguments import real
from musicfeat.sound.waveform import Waveform

Table = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]
Scorer = Callable[[Rows], Mapping[str, Rows]]
"""Function from windows [batch, window] to their ``successor`` [batch, n, n] and, if the layout has one, ``cut``."""

SLACK_SECONDS = 0.003
"""Greatest difference from the fitting length at which a piece is centred; others are aligned to each edge in turn."""
LEAST_SECONDS = 1.0
GAP_STEP_SECONDS = 0.05
SURE = 5.5
"""Nats against a cut at which a join is as likely a true one as a false one. Fitted to held-out music."""
WORN = 0.1
"""Share of true joins taken to sound like false ones: pieces may have been faded, trimmed or coded one by one."""


@dataclass(frozen=True)
class Layout:
    """The sizes that packing needs, in samples."""

    slots: int
    slot: int
    distance: int
    rate: int
    moments: tuple[float, float] | None = None
    """Seconds from one value of the curve of cuts to the next, and to the first; None without the curve."""

    @classmethod
    def of(cls, card: ModelCard, outputs: Collection[str] = ()) -> Layout:
        """The layout of a model with a ``successor`` output, with its curve of cuts if that is among ``outputs``."""
        moments = card.curves["cut"] if "cut" in outputs else None
        return cls(card.pieces, card.window // card.pieces, card.piece_distance, card.sample_rate, moments)

    def evidence(self, cut: Rows, joins: int) -> Table:
        """Nats for each of the first joins of a window's slots to run on, [joins], by the window's curve of cuts."""
        assert self.moments
        step, first = self.moments
        places = np.arange(1, joins + 1) * self.slot / self.rate
        certain = -np.interp(places, first + step * np.arange(len(cut)), log_odds(cut))
        return np.log(WORN + (1 - WORN) * np.exp(certain - SURE))

    @property
    def largest_gap(self) -> float:
        """Largest gap in seconds, in whole steps of the search, that fits between the parts that are compared."""
        return math.floor(self.distance / self.rate / GAP_STEP_SECONDS + 1e-9) * GAP_STEP_SECONDS

    @property
    def longest(self) -> int:
        """Samples at each end of a piece that can matter."""
        return self.slot + round(SLACK_SECONDS * self.rate)


def check_pieces(pieces: Sequence[Waveform], layout: Layout) -> None:
    """Raise InputError for fewer than two pieces, or one too short to compare."""
    if len(pieces) < 2:
        raise InputError(f"ordering needs at least 2 pieces, got {len(pieces)}")
    for i, piece in enumerate(pieces):
        if len(piece) < LEAST_SECONDS * layout.rate:
            seconds = len(piece) / layout.rate
            raise InputError(f"piece {i} lasts {seconds:.2f} s; at least {LEAST_SECONDS} s is needed to compare it")


def gap_candidates(gap: float | None, layout: Layout) -> list[float]:
    """The gaps to try: the given one, or a grid if it is None.

    Raises:
        InputError: a negative or infinite gap, or one too long for the model.
    """
    if gap is None:
        return [float(g) for g in np.arange(0.0, layout.largest_gap + 1e-9, GAP_STEP_SECONDS)]
    seconds = real(gap)
    if seconds is None or not 0.0 <= seconds <= layout.largest_gap + 1e-9:
        raise InputError(f"gap must be from 0 to {layout.largest_gap:.2f} seconds, or None if unknown, got {gap!r}")
    return [seconds]


def join_scores(pieces: Sequence[Waveform], gap: float, layout: Layout, score: Scorer, batch: int) -> Table:
    """Score of every piece directly before every other, [n, n] nats, diagonal 0."""
    missing = round(gap * layout.rate)
    tails = [_slot(piece, missing, layout, tail=True) for piece in pieces]
    heads = [_slot(piece, missing, layout, tail=False) for piece in pieces]
    alike = layout.slots > 2 and all(np.array_equal(t, h) for t, h in zip(tails, heads, strict=True))
    touching = layout.moments is not None and not missing
    total, seen, evidence = np.zeros((3, len(pieces), len(pieces)))
    scored = list((_triples if alike else _couples)(len(pieces)))
    plan = [*scored, *_there_and_back(len(pieces))] if alike and touching else scored
    for first in range(0, len(plan), batch):
        part = plan[first : first + batch]
        found = score(np.stack([_window(who, tails, heads, layout) for who in part]))
        for i, who in enumerate(part):
            for a, b in _pairs(len(who), alike) if first + i < len(scored) else ():
                total[who[a], who[b]] += found["successor"][i, a, b]
                seen[who[a], who[b]] += 1
            if touching:
                evidence[who[:-1], who[1:]] = layout.evidence(found["cut"][i], len(who) - 1)
    return total / np.maximum(seen, 1) + evidence


def _slot(piece: Waveform, missing: int, layout: Layout, *, tail: bool) -> Waveform:
    """One third of a window: the piece's end (``tail``) or beginning, half the gap silent at that edge."""
    room, edge = layout.slot - missing, missing // 2
    slack = len(piece) - room
    if abs(slack) <= SLACK_SECONDS * layout.rate:
        kept = piece[max(0, slack) // 2 :][:room]
        before = edge + (room - len(kept)) // 2
    else:
        kept = piece[-room:] if tail else piece[:room]
        before = edge + (room - len(kept) if tail else 0)
    return np.pad(kept, (before, layout.slot - before - len(kept)))


def _window(who: Sequence[int], tails: list[Waveform], heads: list[Waveform], layout: Layout) -> Waveform:
    slots = [tails[who[0]], *(heads[i] for i in who[1:])]
    joined = np.concatenate(slots)
    return np.pad(joined, (0, layout.slots * layout.slot - len(joined)))


def _pairs(size: int, alike: bool) -> list[tuple[int, int]]:
    """Valid entries of a window's table: all, or only those from the first slot, which holds a tail."""
    firsts = range(size) if alike else range(1)
    return [(a, b) for a in firsts for b in range(size) if a != b]


def _triples(n: int) -> Iterator[tuple[int, ...]]:
    """Sets of up to three pieces that contain every pair at least once, found by a greedy search for few sets."""
    open_pairs = set(combinations(range(n), 2))
    while open_pairs:
        a, b = min(open_pairs)
        others = [c for c in range(n) if c not in (a, b)]
        gains = {c: sum(tuple(sorted(p)) in open_pairs for p in ((a, c), (b, c))) for c in others}
        who = (a, b, max(gains, key=lambda c: gains[c])) if others else (a, b)
        open_pairs -= set(combinations(sorted(who), 2))
        yield who


def _there_and_back(n: int) -> Iterator[tuple[int, ...]]:
    """Each piece directly before each other: a pair of pieces, and its first again."""
    return ((a, b, a) for a, b in combinations(range(n), 2))


def _couples(n: int) -> Iterator[tuple[int, ...]]:
    """Each piece with each other piece that may follow it."""
    return permutations(range(n), 2)
