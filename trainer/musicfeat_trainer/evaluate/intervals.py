"""Certainty of figures: intervals over items, and tests whether two systems differ by more than chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError

Rows = npt.NDArray[np.int64]
Figure = Callable[[Rows], float]
"""Function from rows, which may repeat, to a figure; NaN if these rows do not define it."""
Interval = tuple[float, float]

SEED, DRAWS, LEVEL = 7, 1000, 0.95


def interval(figure: Figure, groups: npt.NDArray[np.integer], draws: int = DRAWS) -> Interval:
    """Bounds of the middle 95 % of a figure over groups drawn with replacement (Efron's percentile bootstrap, 1979).

    Whole groups are drawn, as items of one recording are not independent.

    Args:
        figure: figure over rows of the tested items.
        groups: group of each row, [n].
        draws: number of draws.
    """
    values = np.array([figure(rows) for rows in _drawn(groups, draws)])
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn(groups: npt.NDArray[np.integer], draws: int) -> Iterator[Rows]:
    generator = np.random.default_rng(SEED)
    numbers = np.unique(groups, return_inverse=True)[1]
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    for _ in range(draws):
        yield np.concatenate([members[i] for i in generator.integers(0, len(members), len(members))])


def difference(
    first: npt.NDArray[np.floating],
    second: npt.NDArray[np.floating],
    figure: Callable[[npt.NDArray[np.floating]], float],
    groups: npt.NDArray[np.integer],
    draws: int = DRAWS,
) -> float:
    """P value of the difference between two systems' figures on the same items, two-sided.

    The permutation test (Fisher, 1935; Noreen, 1989) swaps the systems' answers about random groups, which has no
    systematic effect if the systems are alike. The observed assignment counts as one of them, so no value is 0. For the
    best of k systems compare with 0.05 over the number of pairs, as Gururani et al. (2019) do: 0.0083 for four.

    Args:
        first: [n, ...], answers of one system.
        second: answers of the other.
        figure: figure of answers over all items.
        groups: group of each item, [n].
        draws: number of assignments that are tried.

    Raises:
        InputError: the systems answered about different numbers of items.
    """
    if first.shape != second.shape:
        raise InputError(f"systems are compared on the same items, got {first.shape} and {second.shape} answers")
    generator = np.random.default_rng(SEED)
    numbers = np.unique(groups, return_inverse=True)[1]
    observed = abs(figure(first) - figure(second))
    reached = 1
    for _ in range(draws):
        swapped = (generator.random(numbers.max() + 1) < 0.5)[numbers].reshape(-1, *[1] * (first.ndim - 1))
        one, other = np.where(swapped, second, first), np.where(swapped, first, second)
        reached += abs(figure(one) - figure(other)) >= observed - 1e-12
    return reached / (draws + 1)
