"""Figures against numbers worked out by hand and against loops."""

from __future__ import annotations

import numpy as np
import pytest

from musicfeat_trainer.evaluate.metrics import (
    arithmetic_and_geometric,
    class_figures,
    each_class,
    each_tag,
    neighbour_ranks,
    number_figures,
    tag_decisions,
    tag_rankings,
)

UNKNOWN = np.nan


def test_figures_of_classes_by_hand() -> None:
    truth, guessed = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 0])
    figures = class_figures(truth, guessed, 3)
    assert figures["accuracy"] == pytest.approx(3 / 6)
    assert figures["micro_f1"] == pytest.approx(3 / 6)
    assert figures["macro_f1"] == pytest.approx((4 / 7 + 1 / 2 + 0) / 3)
    rows = each_class(truth, guessed, ("a", "b", "c"))
    assert rows["a"] == pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7, "support": 3})
    assert rows["b"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2})
    assert rows["c"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}


def test_a_class_that_the_test_lacks_counts_in_the_macro_mean() -> None:
    assert class_figures(np.array([0, 0]), np.array([0, 0]), 2)["macro_f1"] == pytest.approx(1 / 2)


def test_rankings_of_tags_by_hand() -> None:
    targets = np.array([[1, UNKNOWN], [0, 1], [1, 0], [0, UNKNOWN]])
    scores = np.array([[0.9, 0.99], [0.6, 0.2], [0.5, 0.8], [0.1, 0.0]])
    figures = tag_rankings(targets, scores)
    # First tag: there at 0.9 and 0.5, missing at 0.6 and 0.1. Second: there at 0.2, missing at 0.8.
    assert figures["roc_auc_tag"] == pytest.approx((3 / 4 + 0) / 2)
    assert figures["pr_auc_tag"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)
    # Clips of both kinds of answers: the second (there 0.2, missing 0.6) and the third (there 0.5, missing 0.8).
    assert figures["roc_auc_clip"] == 0
    assert figures["pr_auc_clip"] == pytest.approx(1 / 2)


def test_rankings_are_the_shares_of_pairs_in_order() -> None:
    generator = np.random.default_rng(3)
    targets = generator.choice([0, 1, UNKNOWN], size=(40, 5), p=[0.4, 0.3, 0.3])
    scores = generator.random((40, 5))
    areas = []
    for tag in range(5):
        there, missing = (scores[targets[:, tag] == value, tag] for value in (1, 0))
        areas.append(np.mean([a > b for a in there for b in missing]))
    assert tag_rankings(targets, scores)["roc_auc_tag"] == pytest.approx(np.mean(areas))


def test_unknown_labels_change_no_figure() -> None:
    targets = np.array([[1, 0], [0, 1], [UNKNOWN, 1.0]])
    one, other = np.array([[0.9, 0.2], [0.3, 0.6], [0.0, 0.4]]), np.array([[0.9, 0.2], [0.3, 0.6], [1.0, 0.4]])
    assert tag_rankings(targets, one) == tag_rankings(targets, other)
    assert tag_decisions(targets, one > 0.5) == tag_decisions(targets, other > 0.5)


def test_decisions_about_tags_by_hand() -> None:
    targets = np.array([[1, 0, 0], [1, 1, 0], [0, UNKNOWN, 0]])
    decided = np.array([[True, True, False], [False, True, False], [False, True, True]])
    figures = tag_decisions(targets, decided)
    # Eight known answers: there and found 2, there and missed 1, found and not there 2.
    assert figures["accuracy"] == pytest.approx(5 / 8)
    assert figures["micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))
    # The third tag is there nowhere and has no F1.
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    rows = each_tag(targets, decided, ("a", "b", "c"))
    assert rows["b"] == pytest.approx({"precision": 1 / 2, "recall": 1, "f1": 2 / 3, "support": 1})


def test_figures_of_numbers_by_hand() -> None:
    truth, guessed = np.array([100.0, 120.0, 80.0, 60.0]), np.array([104.0, 127.0, 160.0, 60.0])
    figures = number_figures(truth, guessed)
    assert figures["mae"] == pytest.approx((4 + 7 + 80) / 4)
    assert figures["r2"] == pytest.approx(1 - (16 + 49 + 6400) / (100 + 900 + 100 + 900))
    assert figures["within_4_percent"] == pytest.approx(2 / 4)
    assert figures["within_8_percent"] == pytest.approx(3 / 4)


def test_the_nearest_neighbour_ranks_first_and_the_farthest_last() -> None:
    tracks = np.repeat(np.arange(30), 2)
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    near = np.stack([np.cos(angles), np.sin(angles)], 1).repeat(2, axis=0)
    assert arithmetic_and_geometric(neighbour_ranks(near, tracks)) == (1, pytest.approx(1))
    opposite = near * np.tile([1, -1], 30)[:, None]
    assert neighbour_ranks(opposite, tracks).min() > 95
    assert arithmetic_and_geometric(np.array([1, 4, 16])) == (7, pytest.approx(4))
