"""Label budgets: exact, stratified, nested, and the same every time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from musicfeat import InputError
from musicfeat_trainer.data.sets.dataset import DataSet, Item
from musicfeat_trainer.evaluate.budgets import Budget, budgeted, parse_budget

SIZES = (200, 100, 40)


def items(count: int) -> list[Item]:
    return [Item(f"{i}.wav", str(i)) for i in range(count)]


@pytest.fixture
def classes() -> DataSet:
    targets = np.random.default_rng(0).permutation(np.repeat(np.arange(3), SIZES))
    return DataSet("set", Path(), items(len(targets)), "class", targets, ("a", "b", "c"))


@pytest.fixture
def tags() -> DataSet:
    """Four tags, a tenth to a half of 400 clips, of which each answer is known with probability 0.4."""
    generator = np.random.default_rng(1)
    targets = (generator.random((400, 4)) < [0.1, 0.2, 0.3, 0.5]).astype(np.float32)
    targets[generator.random(targets.shape) > 0.4] = np.nan
    return DataSet("set", Path(), items(400), "tags", targets, ("a", "b", "c", "d"))


def test_so_many_of_each_class(classes: DataSet) -> None:
    every = np.arange(sum(SIZES))
    for count in (1, 10, 40):
        chosen = budgeted(classes, every, Budget(per_class=count))
        assert np.bincount(classes.targets[chosen]).tolist() == [count] * 3
        assert len(set(chosen)) == len(chosen)


def test_a_share_keeps_the_proportions_of_classes(classes: DataSet) -> None:
    every = np.arange(sum(SIZES))
    assert np.bincount(classes.targets[budgeted(classes, every, parse_budget("10%"))]).tolist() == [20, 10, 4]
    assert np.bincount(classes.targets[budgeted(classes, every, parse_budget("1%"))]).tolist() == [2, 1, 1]
    assert budgeted(classes, every, parse_budget("full")).tolist() == every.tolist()


@pytest.mark.parametrize("kind", ["classes", "tags"])
def test_a_smaller_budget_is_part_of_a_larger_one(kind: str, request: pytest.FixtureRequest) -> None:
    dataset = request.getfixturevalue(kind)
    every = np.arange(len(dataset.items))
    for budgets in (("1", "3", "10", "30", "40", "full"), ("0.5%", "1%", "7%", "10%", "50%", "100%")):
        chosen = [set(budgeted(dataset, every, parse_budget(text)).tolist()) for text in budgets]
        assert all(small <= large for small, large in pairwise(chosen))
        assert len(chosen[0]) < len(chosen[2]) < len(chosen[-1])
        assert chosen == [set(budgeted(dataset, every[::-1], parse_budget(text)).tolist()) for text in budgets]


def test_another_draw_has_others(classes: DataSet) -> None:
    every = np.arange(len(classes.items))
    first, second = (budgeted(classes, every, Budget(per_class=10), draw) for draw in (0, 1))
    assert set(first) != set(second)


def test_only_rows_that_may_train_are_drawn(classes: DataSet) -> None:
    odd = np.arange(1, len(classes.items), 2)
    assert set(budgeted(classes, odd, Budget(per_class=5))) < set(odd)


def test_tags_get_known_answers_in_their_proportion(tags: DataSet) -> None:
    every = np.arange(len(tags.items))
    chosen = tags.targets[budgeted(tags, every, Budget(per_class=50))]
    known, whole = ~np.isnan(chosen), ~np.isnan(tags.targets)
    assert (known.sum(0) >= 50).all()
    assert len(chosen) <= 4 * 50
    shares, expected = (np.nansum(x, 0) / k.sum(0) for x, k in ((chosen, known), (tags.targets, whole)))
    assert shares == pytest.approx(expected, abs=0.08)


def test_a_share_of_tags_is_about_that_share_and_has_every_tag(tags: DataSet) -> None:
    every = np.arange(len(tags.items))
    tenth = budgeted(tags, every, parse_budget("10%"))
    assert 0.08 * 400 < len(tenth) < 0.16 * 400
    assert (np.nansum(tags.targets[tenth], 0) > 0).all()
    assert (np.nansum(tags.targets[budgeted(tags, every, parse_budget("0.1%"))], 0) > 0).all()


def test_budgets_larger_than_a_class_are_explained(classes: DataSet, tags: DataSet) -> None:
    with pytest.raises(InputError, match="'c' has 40 labelled"):
        budgeted(classes, np.arange(len(classes.items)), Budget(per_class=41))
    with pytest.raises(InputError, match="labelled"):
        budgeted(tags, np.arange(400), Budget(per_class=300))


def test_numbers_have_shares_only() -> None:
    dataset = DataSet("tempi", Path(), items(50), "number", np.linspace(60, 180, 50))
    assert len(budgeted(dataset, np.arange(50), parse_budget("10%"))) == 5
    with pytest.raises(InputError, match="shares"):
        budgeted(dataset, np.arange(50), Budget(per_class=5))


@pytest.mark.parametrize(
    "text", ["0", "-3", "0%", "101%", "half", "1.5", "", "%", "fullx5", "10%x0", "10x", "05", "10.0"]
)
def test_wrong_budgets_are_explained(text: str) -> None:
    with pytest.raises(InputError, match="full"):
        parse_budget(text)


def test_budgets_in_several_draws() -> None:
    assert parse_budget("10%x5") == Budget(share=0.1, draws=5)
    assert parse_budget("20x3") == Budget(per_class=20, draws=3)
