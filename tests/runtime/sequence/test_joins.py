from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from musicfeat.errors import InputError
from musicfeat.sequence.joins import (
    Layout,
    _couples,
    _there_and_back,
    _triples,
    check_pieces,
    gap_candidates,
    join_scores,
)
from musicfeat.sequence.order import best_order

LAYOUT = Layout(slots=3, slot=7350, distance=1260, rate=2205)


def slot_ends(windows: np.ndarray) -> dict[str, np.ndarray]:
    """A stand-in scorer that can be checked by hand: sample before the cut of a, after the cut of b."""
    slots = windows.reshape(len(windows), 3, LAYOUT.slot)
    half = LAYOUT.distance // 2
    last, first = slots[:, :, LAYOUT.slot - half - 1], slots[:, :, half]
    return {"successor": (first[:, None, :] - last[:, :, None]).astype(np.float32)}


@pytest.mark.parametrize("n", [2, 3, 4, 5, 9])
def test_windows_cover_every_pair(n: int) -> None:
    pairs = {frozenset(pair) for who in _triples(n) for pair in combinations(who, 2)}
    assert pairs == {frozenset(pair) for pair in combinations(range(n), 2)}
    assert set(_couples(n)) == {(a, b) for a in range(n) for b in range(n) if a != b}


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.232, 0.5])
@pytest.mark.parametrize("seconds", [1.5, 10 / 3, 7.0])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_compared_parts_lie_at_the_models_distance_whatever_is_missing(gap: float, seconds: float, n: int) -> None:
    missing, length = round(gap * LAYOUT.rate), round(seconds * LAYOUT.rate) - round(gap * LAYOUT.rate)
    ramp = np.arange(1, n * (length + missing) + 1, dtype=np.float32)
    pieces = [ramp[i * (length + missing) :][:length] for i in range(n)]
    table = join_scores(pieces, gap, LAYOUT, slot_ends, batch=2)
    # On a ramp, the difference of two samples is their distance in the recording.
    np.testing.assert_array_equal(np.diag(table, 1), LAYOUT.distance + 1)


def test_pieces_that_touch_stand_in_both_orders() -> None:
    heard = [pair for who in _there_and_back(5) for pair in pairwise(who)]
    assert sorted(heard) == sorted(_couples(5))


def steps(windows: np.ndarray) -> dict[str, np.ndarray]:
    """A stand-in scorer that knows nothing of pairs, and hears a cut, almost surely, at each jump of the wave."""
    cut = np.full((len(windows), 101), 1e-5, np.float32)
    for row, window in zip(cut, windows, strict=True):
        jumps = np.flatnonzero(np.abs(np.diff(window)) > 1) / (LAYOUT.rate / 10)
        row[np.concatenate([np.floor(jumps), np.ceil(jumps)]).astype(int)] = 0.99
    return {"successor": np.zeros((len(windows), 3, 3), np.float32), "cut": cut}


@pytest.mark.parametrize("seconds", [10 / 3, 7.0])
def test_pieces_that_touch_are_in_the_order_without_a_cut(seconds: float) -> None:
    length = round(seconds * LAYOUT.rate)
    ramp = np.arange(5 * length, dtype=np.float32)
    pieces = [ramp[i * length :][:length] for i in (3, 0, 4, 2, 1)]
    layout = replace(LAYOUT, moments=(0.1, 0.0))
    table = join_scores(pieces, 0.0, layout, steps, batch=4)
    assert best_order(table) == (1, 4, 3, 0, 2)
    true = table[[1, 4, 3, 0], [4, 3, 0, 2]]
    assert true.min() > 4
    assert np.sort(table[~np.eye(5, dtype=bool)])[:-4].max() < -1


def test_the_curve_of_cuts_has_no_say_where_sound_is_missing() -> None:
    pieces = list(np.random.default_rng(0).normal(size=(3, 7000)).astype(np.float32))
    layout = replace(LAYOUT, moments=(0.1, 0.0))
    assert not join_scores(pieces, 0.1, layout, steps, batch=4).any()
    assert join_scores(pieces, 0.0, layout, steps, batch=4).any()


@pytest.mark.parametrize("gap", [-0.1, 0.6, np.nan, np.inf])
def test_gaps_out_of_range_are_refused(gap: float) -> None:
    with pytest.raises(InputError, match="gap"):
        gap_candidates(gap, LAYOUT)


def test_unknown_gap_tries_a_grid() -> None:
    tried = gap_candidates(None, LAYOUT)
    assert tried[0] == 0.0
    assert tried[-1] >= 0.5
    assert np.diff(tried).max() <= 0.06


def test_too_few_or_too_short_pieces_are_refused() -> None:
    long, short = np.zeros(5000, dtype=np.float32), np.zeros(2000, dtype=np.float32)
    with pytest.raises(InputError, match="at least 2"):
        check_pieces([long], LAYOUT)
    with pytest.raises(InputError, match="piece 1 lasts"):
        check_pieces([long, short], LAYOUT)
