from __future__ import annotations

import numpy as np
import pytest

from musicfeat.model.card import ModelCard
from musicfeat.sequence.second_hearing import SLOWER, SURER, SUSPICIOUS, heard_again, slower

RATE, WINDOW, MOMENTS = 1000, 8000, 80
STEP = WINDOW / MOMENTS / RATE
CARD = ModelCard(
    "m", "1", RATE, WINDOW, WINDOW, ("embedding", "cut"), pieces=2, piece_distance=40, curves={"cut": (STEP, STEP / 2)}
)


def loudest(windows: np.ndarray) -> np.ndarray:
    """A stand-in model: P(cut) is the greatest sample around each moment."""
    return np.clip(windows.reshape(len(windows), MOMENTS, -1).max(axis=2), 0.01, 0.99)


def click(seconds: float, height: float) -> np.ndarray:
    wave = np.zeros(WINDOW, np.float32)
    wave[max(0, round(seconds * RATE) - 150) :][:300] = height
    return wave


def nats(p: float) -> float:
    return float(np.log(p / (1 - p)))


def test_windows_without_a_likely_cut_are_heard_once() -> None:
    windows = np.stack([click(3.0, SUSPICIOUS - 0.01), np.zeros(WINDOW, np.float32)])
    cuts = loudest(windows)
    assert heard_again(windows, cuts, CARD, lambda _: pytest.fail("heard again")) is cuts


@pytest.mark.parametrize("seconds", [0.25, 2.05, 4.05, 6.55, 7.75])
def test_what_both_hearings_hear_of_a_place_is_surer_than_either(seconds: float) -> None:
    windows = np.stack([np.zeros(WINDOW, np.float32), click(seconds, 0.8)])
    counts: list[int] = []

    def run(again: np.ndarray) -> np.ndarray:
        counts.append(len(again))
        return loudest(again)

    found = heard_again(windows, loudest(windows), CARD, run)
    assert counts == [1]
    np.testing.assert_array_equal(found[0], loudest(windows)[0])
    place = int(seconds / STEP)
    assert found[1, place] == found[1].max()
    assert nats(float(found[1, place])) == pytest.approx(SURER * nats(0.8), rel=1e-4)
    assert nats(float(found[1, (place + 40) % 80])) <= nats(0.01) + 1e-3


def test_what_the_second_hearing_does_not_hear_is_less_likely() -> None:
    windows = click(3.05, 0.8)[None]
    cuts = loudest(windows)
    found = heard_again(windows, cuts, CARD, lambda again: np.full((len(again), MOMENTS), 0.01))
    assert nats(float(found[0, 30])) == pytest.approx(SURER * (nats(0.8) + nats(0.01)) / 2, rel=1e-4)
    assert cuts[0, 30] == pytest.approx(0.8)  # not written over


def test_a_slower_window_is_lower_and_comes_from_within_the_window() -> None:
    wave = np.sin(2 * np.pi * 10 * np.arange(WINDOW) / RATE).astype(np.float32)
    lower = np.sin(2 * np.pi * 10 / SLOWER * np.arange(WINDOW) / RATE)
    np.testing.assert_allclose(slower(wave, 0), lower, atol=1e-3)
    last = int((WINDOW - 1) * (SLOWER - 1))
    np.testing.assert_allclose(slower(wave, last)[-1], wave[-1], atol=0.06)
