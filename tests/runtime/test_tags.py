"""Tags by kind, and the best few of them."""

from __future__ import annotations

import numpy as np
import pytest

from musicfeat import Features, InputError

LABELS, KINDS = ("piano", "rock", "violin", "sad"), ("instrument", "genre", "instrument", "mood")


@pytest.fixture
def features() -> Features:
    starts, half = np.array([0.0, 10.0]), np.full(2, 0.5, np.float32)
    curve = np.array([[0.1, 0.9, 0.8, 0.3], [0.5, 0.7, 0.4, 0.1]], np.float32)
    quiet = np.zeros(2, np.bool_)
    return Features(
        starts, starts + 10, np.ones((2, 3), np.float32), half, half, half.astype(float), quiet, curve, LABELS, KINDS
    )


def test_the_best_few_come_first(features: Features) -> None:
    assert [label for label, _ in features.top_tags(3)] == ["rock", "violin", "piano"]
    assert features.top_tags(1)[0][1] == pytest.approx(0.8)
    assert len(features.top_tags(None)) == 4


def test_a_kind_is_asked_for_by_name(features: Features) -> None:
    assert [label for label, _ in features.top_tags(kind="instrument")] == ["violin", "piano"]
    assert features.top_tags(kind="mood") == [("sad", pytest.approx(0.2))]
    with pytest.raises(InputError, match="'colour', but of genre, instrument, mood"):
        features.top_tags(kind="colour")
