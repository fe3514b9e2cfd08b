from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from musicfeat.errors import InputError
from musicfeat.sequence.joins import Layout, _couples, _triples, check_pieces, gap_candidates, join_scores

LAYOUT = Layout(slots=3, slot=7350, distance=1260, rate=2205)


def slot_ends(windows: np.ndarray) -> np.ndarray:
    """A stand-in scorer that can be checked by hand: sample before the cut of a, after the cut of b."""
    slots = windows.reshape(len(windows), 3, LAYOUT.slot)
    half = LAYOUT.distance // 2
    last, first = slots[:, :, LAYOUT.slot - half - 1], slots[:, :, half]
    return (first[:, None, :] - last[:, :, None]).astype(np.float32)


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
