"""Intervals and significance against formulas and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from musicfeat import InputError
from musicfeat_trainer.evaluate.intervals import difference, interval


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    right = np.arange(400) % 4 > 0  # 75 %
    low, high = interval(lambda rows: float(right[rows].mean()), np.arange(400))
    deviation = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (low, high) == pytest.approx((0.75 - deviation, 0.75 + deviation), abs=0.006)


def test_items_of_one_group_are_no_independent_witnesses() -> None:
    """Ten copies of every answer make it no surer: the interval is that of forty answers, not of four hundred."""
    right = (np.arange(40) % 4 > 0).repeat(10)
    low, high = interval(lambda rows: float(right[rows].mean()), np.arange(40).repeat(10))
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(0.75 * 0.25 / 40), rel=0.1)


def test_the_difference_of_paired_answers_is_mcnemars() -> None:
    """22 of 30 answers that only one system has right are the first's: the exact test is binomial."""
    stats = pytest.importorskip("scipy.stats", reason="the train extra is not installed")
    first = np.repeat([1, 1, 0, 0], [40, 22, 8, 30]).astype(float)
    second = np.repeat([1, 0, 1, 0], [40, 22, 8, 30]).astype(float)
    found = difference(first, second, lambda answers: float(answers.mean()), np.arange(100), draws=4000)
    assert found == pytest.approx(stats.binomtest(22, 30, 0.5).pvalue, abs=0.006)


def test_alike_systems_do_not_differ_and_others_cannot_be_compared() -> None:
    answers = np.random.default_rng(0).normal(size=(50, 3))
    mean = lambda x: float(x.mean())  # noqa: E731
    assert difference(answers, answers, mean, np.arange(50)) == 1.0
    assert difference(answers + 1, answers, mean, np.arange(50)) < 0.01
    with pytest.raises(InputError, match="same items"):
        difference(answers, answers[:40], mean, np.arange(50))
