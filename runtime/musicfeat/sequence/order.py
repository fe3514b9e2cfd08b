"""Order of any number of pieces, from scores of "a directly before b"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.features import Order

Scores = npt.NDArray[np.float64]
EXACT_PIECES = 13
"""Up to this number of pieces all orders are weighed exactly (2^n n^2 steps); above, they are searched."""
BEGINNINGS = 4
DRAWS = 4096


def most_probable(gaps: list[float], tables: list[Scores]) -> Order:
    """The best order over all tried gaps; probabilities are summed over the gaps."""
    pieces = len(tables[0])
    orders = [best_order(table) for table in tables]
    best = max(range(len(gaps)), key=lambda i: path_score(tables[i], orders[i]))
    partition = float(np.logaddexp.reduce([log_partition(*pair) for pair in zip(tables, orders, strict=True)]))
    score = float(np.logaddexp.reduce([path_score(table, orders[best]) for table in tables]))
    identity = float(np.logaddexp.reduce([path_score(table, range(pieces)) for table in tables]))
    return Order(
        permutation=orders[best],
        probability=min(1.0, math.exp(score - partition)),
        shuffled=shuffled_probability(identity, partition, pieces),
        scores=tables[best],
        gap=gaps[best],
    )


def best_order(scores: Scores) -> tuple[int, ...]:
    """The order with the greatest sum of scores.

    Exact up to ``EXACT_PIECES`` by dynamic programming over subsets (Held and Karp, 1962); above, the
    order as passed and the best few greedy ones, each improved by moving runs of pieces until nothing gains.

    Args:
        scores: [n, n], n at least 2; the diagonal is not read.
    """
    n = len(scores)
    if n > EXACT_PIECES:
        starts = sorted((_greedy(scores, first) for first in range(n)), key=lambda order: -path_score(scores, order))
        found = [_improved(order, scores) for order in [list(range(n)), *starts[:BEGINNINGS]]]
        return max(found, key=lambda order: path_score(scores, order))
    table = _sweep(scores, np.max)
    mask = (1 << n) - 1
    order = [int(table[mask].argmax())]
    while len(order) < n:
        mask ^= 1 << order[-1]
        order.append(int((table[mask] + scores[:, order[-1]]).argmax()))
    return tuple(reversed(order))


def path_score(scores: Scores, order: npt.ArrayLike) -> float:
    """Sum of the scores along an order."""
    index = np.asarray(order)
    return float(scores[index[:-1], index[1:]].sum())


def log_partition(scores: Scores, best: tuple[int, ...]) -> float:
    """Logarithm of exp(score) summed over all orders; it turns a score into a probability.

    Exact up to ``EXACT_PIECES``; above, estimated from orders drawn piece by piece in proportion to
    exp(score) and weighted by importance sampling (fixed seed); the result is never below that of the best
    order alone.

    Args:
        scores: [n, n].
        best: ``best_order`` of the same scores.
    """
    if len(scores) <= EXACT_PIECES:
        return float(np.logaddexp.reduce(_sweep(scores, np.logaddexp.reduce)[-1]))
    return float(np.logaddexp(_sampled_partition(scores), path_score(scores, best)))


def shuffled_probability(identity: float, partition: float, pieces: int) -> float:
    """P(pieces passed out of order) when the identity has prior 1/2 and the other orders share the rest.

    Args:
        identity: score of the pieces in the order passed.
        partition: ``log_partition`` of the same scores.
        pieces: number of pieces, at least 2.
    """
    others = partition + np.log1p(-np.exp(min(identity - partition, -1e-12)))
    log_count = float(np.log(np.arange(2, pieces + 1)).sum())
    return float(1 / (1 + np.exp(np.clip(identity - others + _log_less_one(log_count), -700, 700))))


def _log_less_one(log_count: float) -> float:
    """ln(e^x - 1) without overflow."""
    return log_count + float(np.log1p(-np.exp(-log_count)))


def _sweep(scores: Scores, reduce: Callable[..., Any]) -> Scores:
    """[2^n, n]: ``reduce`` over all orders of the set of pieces (bits of the row) that end with a column."""
    n = len(scores)
    table = np.full((1 << n, n), -np.inf)
    table[1 << np.arange(n), np.arange(n)] = 0.0
    masks = np.arange(1 << n)
    sizes = np.array([bin(mask).count("1") for mask in masks])
    for size in range(1, n):
        for following in range(n):
            before = masks[(sizes == size) & ~(masks >> following & 1).astype(bool)]
            table[before | 1 << following, following] = reduce(table[before] + scores[:, following], axis=1)
    return table


def _greedy(scores: Scores, first: int) -> list[int]:
    order, left = [first], set(range(len(scores))) - {first}
    while left:
        order.append(max(left, key=lambda piece: scores[order[-1], piece]))
        left.remove(order[-1])
    return order


def _improved(order: list[int], scores: Scores) -> tuple[int, ...]:
    """Or-opt (Or, 1976): move the run of pieces whose move gains most, until none gains."""
    # A first and a last stop without cost let the ends be treated like any other place.
    costs = np.pad(scores, (0, 1))
    stop = len(scores)
    while True:
        gain, moved = max((_best_move(order, run, costs, stop) for run in _runs(len(order))), key=lambda m: m[0])
        if gain <= 1e-9:
            return tuple(order)
        order = moved


def _runs(n: int) -> list[tuple[int, int]]:
    """Begin and end of all runs of up to eight pieces."""
    return [(start, start + size) for size in range(1, min(n, 9)) for start in range(n - size + 1)]


def _best_move(order: list[int], run: tuple[int, int], costs: Scores, stop: int) -> tuple[float, list[int]]:
    """Gain of the best move of a run of pieces, and the order after it."""
    begin, end = run
    part, rest = order[begin:end], order[:begin] + order[end:]
    before, after = np.array([stop, *rest]), np.array([*rest, stop])
    gains = costs[before, part[0]] + costs[part[-1], after] - costs[before, after]
    place = int(gains.argmax())
    return float(gains[place] - gains[begin]), rest[:place] + part + rest[place:]


def _sampled_partition(scores: Scores) -> float:
    n, generator = len(scores), np.random.default_rng(0)
    rows = np.arange(DRAWS)
    current = generator.integers(0, n, DRAWS)
    free = np.ones((DRAWS, n), dtype=bool)
    free[rows, current] = False
    weight = np.full(DRAWS, np.log(n))
    for _ in range(n - 1):
        logits = np.where(free, scores[current], -np.inf)
        weight += np.logaddexp.reduce(logits, axis=1)
        current = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
        free[rows, current] = False
    return float(np.logaddexp.reduce(weight) - np.log(DRAWS))
