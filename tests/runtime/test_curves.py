from __future__ import annotations

import numpy as np
import pytest

from musicfeat.curves import Curve, peaks, stitched
from musicfeat.finding import Finding
from musicfeat.sequence.continuity import Continuity
from musicfeat.suspicion import CUT_PRIOR, Track, heard


def test_touching_windows_make_one_even_curve() -> None:
    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = stitched(np.array([0.0, 5.0]), values, 1.0, 0.5, 9.2)
    np.testing.assert_allclose(found.times, np.arange(9) + 0.5)  # the last value is padding
    np.testing.assert_array_equal(found.values, np.arange(9))


@pytest.mark.parametrize("hop", [0.7, 1.0, 2.5, 3.9])
def test_overlapping_windows_answer_at_the_moments_of_the_nearest_middle(hop: float) -> None:
    starts = 3.0 + hop * np.arange(4)
    found = stitched(starts, np.full((4, 5), 0.25, np.float32), 1.0, 0.5, 99.0)
    assert (np.diff(found.times) > 0).all()
    assert np.diff(found.times).max() <= 1.0 + hop
    np.testing.assert_allclose(found.values, 0.25, rtol=1e-6)
    assert found.times[0] == 3.5
    assert found.times[-1] == pytest.approx(starts[-1] + 4.5)
    places = (found.times[:, None] - starts - 0.5) % 1.0
    distance = np.abs(found.times[:, None] - starts - 2.5)
    own = np.isclose(places, 0, atol=1e-6) | np.isclose(places, 1, atol=1e-6)
    assert (np.where(own, distance, np.inf).min(axis=1) <= distance.min(axis=1) + 1e-6).all()


def test_log_odds_of_overlapping_windows_are_averaged_by_distance_from_their_middles() -> None:
    def odds(nats: float) -> float:
        return 1 / (1 + np.exp(-nats))

    values = np.array([[odds(2.0)] * 4, [odds(-1.0)] * 4], np.float32)
    found = stitched(np.array([0.0, 2.0]), values, 1.0, 0.5, 99.0)
    np.testing.assert_allclose(found.times, np.arange(6) + 0.5)
    np.testing.assert_allclose(found.log_odds, [2, 2, (0.75 * 2 - 0.25) / 1, (0.25 * 2 - 0.75) / 1, -1, -1], atol=1e-5)


def test_one_window_is_its_own_curve() -> None:
    found = stitched(np.array([2.0]), np.zeros((1, 4), np.float32), 0.5, 0.25, 4.0)
    np.testing.assert_allclose(found.times, [2.25, 2.75, 3.25, 3.75])


def test_cuts_are_peaks_and_stretches_run_on_over_a_gap() -> None:
    times = 0.25 + 0.5 * np.arange(40)
    cut, backwards = np.full(40, 0.01, np.float32), np.full(40, 0.02, np.float32)
    cut[[8, 9, 30]] = [0.7, 0.9, 0.6]
    backwards[10:20] = 0.98
    backwards[14] = 0.4
    backwards[30] = 0.9  # half a second alone
    assert [finding.start for finding in Curve(times, cut, 0.5).cuts()] == [4.75, 15.25]
    assert [finding.start for finding in Curve(times, cut, 0.5).cuts(0.65)] == [4.75]
    (stretch,) = Curve(times, backwards, 0.5).stretches()
    assert (stretch.kind, stretch.start, stretch.end) == ("reversed", 5.0, 10.0)
    assert 0.9 < stretch.probability < 0.98


def test_ends_of_a_stretch_move_to_the_likeliest_cut_near_by() -> None:
    times, fine = 0.25 + 0.5 * np.arange(40), 0.05 + 0.1 * np.arange(200)
    backwards, cut = np.full(40, 0.02, np.float32), np.full(200, 0.01, np.float32)
    backwards[10:20] = 0.98
    cut[[47, 53, 57, 102]] = [0.1, 0.3, 0.3, 0.015]  # the last is no likely cut
    curve, cuts = Curve(times, backwards, 0.5), Curve(fine, cut, 0.1)
    (stretch,) = curve.stretches(cuts=cuts)
    assert (stretch.start, stretch.end) == (pytest.approx(5.35), 10.0)
    cut[122] = 0.9  # too far away
    (same,) = curve.stretches(cuts=cuts)
    assert same == stretch


def test_a_stretch_that_begins_with_the_recording_or_ends_with_it_needs_no_cut_there() -> None:
    times, fine = 0.25 + 0.5 * np.arange(40), 0.05 + 0.1 * np.arange(200)
    cuts = Curve(fine, np.full(200, 0.5, np.float32), 0.1)
    (whole,) = Curve(times, np.full(40, 0.9, np.float32), 0.5).stretches(cuts=cuts)
    assert (whole.start, whole.end) == (0.0, 20.0)


def test_peaks_keep_apart_and_take_the_highest_first() -> None:
    times = np.arange(5) / 10
    assert peaks(times, np.array([0.5, 0.9, 0.8, 0.1, 0.7]), 0.3, 0.25) == [(0.1, 0.9), (0.4, 0.7)]


def test_slopes_are_no_peaks() -> None:
    times = np.arange(100) / 20
    hill = np.clip(1 - np.abs(times - 2) / 1.5, 0, 1)
    assert peaks(times, hill, 0.05, 0.5) == [(2.0, 1.0)]
    assert peaks(times, np.full(100, 0.3), 0.2, 1.0) == [(float(t), 0.3) for t in range(5)]  # undecided throughout
    assert peaks(times[:0], hill[:0], 0.2, 1.0) == []


def test_a_thinned_curve_keeps_its_peaks() -> None:
    values = np.zeros(1001, np.float32)
    values[[500, 1000]] = [0.9, 0.7]
    found = Curve(np.arange(1001) / 10, values, 0.1).thinned(100)
    assert len(found.values) == 91
    assert [round(float(time)) for time in found.times[found.values > 0]] == [50, 100]
    assert Curve(np.arange(3.0), values[:3], 1.0).thinned(10).times.tolist() == [0, 1, 2]


def test_findings_of_continuity_have_kinds() -> None:
    times = np.arange(20.0)
    cut, backwards = np.full(20, 9.0), Curve(times, np.full(20, 0.1, np.float32), 1.0)
    cut[5] = -4.0
    backwards.values[10:15] = 0.99
    found = Continuity(times, cut, 0.5, backwards)
    assert [(finding.kind, finding.start) for finding in found.findings()] == [("spliced", 5.0), ("reversed", 9.5)]
    assert found.later(2.0).findings()[0].start == 7.0
    assert Continuity(times, cut).findings()[0].kind == "spliced"


def test_stored_edits_count_under_the_prior_and_once() -> None:
    sure, unsure = Finding("spliced", 3.0, 3.0, 1 / (1 + np.exp(-9.0))), Finding("spliced", 5.0, 5.0, 0.9)
    stretch, other = Finding("reversed", 10.0, 20.0, 0.99), Finding("reversed", 40.0, 48.0, 0.99)
    track = Track("a", 60.0, np.zeros((1, 4)), (sure, unsure, stretch, other))
    found = heard(track, [Finding("reversed", 10.0, 30.0, 0.9)], 0.5)
    assert [finding.start for finding in found] == [3.0, 40.0]
    assert found[0].probability == pytest.approx(1 / (1 + np.exp(-9.0 - CUT_PRIOR)), abs=1e-6)
