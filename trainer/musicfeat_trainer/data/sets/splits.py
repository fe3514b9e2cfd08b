"""Splits for data sets that prescribe none, or no validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from musicfeat_trainer.data.sets.dataset import Item, held_out_groups


def drawn_splits(
    strata: Sequence[str], groups: Sequence[str], validation: float = 0.15, test: float = 0.15, seed: int = 7
) -> list[str]:
    """Split of each item, drawn by group and separately for each stratum.

    Every stratum with enough groups has at least one in each split; a smaller stratum only trains.

    Args:
        strata: stratum of each item (class, composer), whose shares are alike in all splits.
        groups: group of each item, which stays together; a group is of one stratum.
        validation: share of the groups for validation.
        test: share of the groups for the test; may be 0.
        seed: seed of the drawing, which does not depend on the order of the items.
    """
    generator = np.random.default_rng(seed)
    kinds: dict[str, str] = {}
    for names in _strata(strata, groups):
        drawn = generator.permutation(names).tolist()
        held = [round(share * len(names)) or 1 if share else 0 for share in (validation, test)]
        if len(names) > sum(share > 0 for share in (validation, test)):
            kinds |= dict.fromkeys(drawn[: held[0]], "validation")
            kinds |= dict.fromkeys(drawn[held[0] : sum(held)], "test")
    return [kinds.get(group, "train") for group in groups]


def drawn_folds(strata: Sequence[str], groups: Sequence[str], count: int, seed: int = 7) -> list[str]:
    """Fold of each item, ``fold1`` on; those of every stratum differ by one group at most in size.

    Args:
        strata: stratum of each item.
        groups: group of each item, which stays together; a group is of one stratum.
        count: number of folds.
        seed: seed of the drawing, which does not depend on the order of the items.
    """
    generator = np.random.default_rng(seed)
    folds: dict[str, str] = {}
    for names in _strata(strata, groups):
        order = generator.permutation(count)
        folds |= {name: f"fold{order[i % count] + 1}" for i, name in enumerate(generator.permutation(names).tolist())}
    return [folds[group] for group in groups]


def _strata(strata: Sequence[str], groups: Sequence[str]) -> Iterator[list[str]]:
    """Names of the groups of each stratum, in an order that does not depend on the items'."""
    for stratum in sorted(set(strata)):
        yield sorted({group for group, of in zip(groups, strata, strict=True) if of == stratum})


def with_validation(items: Sequence[Item], share: float, seed: int = 7) -> list[Item]:
    """Items with some groups of the training split moved to validation, for published splits without one."""
    held = held_out_groups([item.group for item in items if item.split == "train"], share, seed)
    moved = {"train": "validation"}
    return [replace(i, split=moved.get(i.split, i.split)) if i.group in held else i for i in items]
