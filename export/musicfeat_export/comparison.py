"""Comparison of two files of one model: similarity, accuracy and speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from musicfeat import Extractor
from musicfeat.model.session import Session
from musicfeat.sequence.joins import LEAST_SECONDS
from musicfeat.sound.audio import Audio
from musicfeat_export.clips import Tagged, Windows
from musicfeat_trainer.evaluate.metrics import mean_average_precision

OTHER_ORDERS = list(permutations(range(3)))[1:]
BATCH = 4


@dataclass(frozen=True)
class Difference:
    """Difference in one output, over all windows."""

    output: str
    largest: float
    """Greatest absolute difference of a number."""
    cosine: float
    """Least cosine between the two outputs of a window."""


def differences(reference: Session, other: Session, windows: Windows) -> list[Difference]:
    """Differences between the outputs of two models over [clips, window]."""
    first, second = outputs_of(reference, windows), outputs_of(other, windows)
    return [
        Difference(name, float(np.abs(a - second[name]).max()), least_cosine(a, second[name]))
        for name, a in first.items()
    ]


def outputs_of(session: Session, windows: Windows) -> dict[str, npt.NDArray[np.float32]]:
    """Every output for [clips, window], computed a few windows at a time."""
    names = session.outputs
    parts = [session.run(windows[i : i + BATCH], names) for i in range(0, len(windows), BATCH)]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def least_cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Least cosine between rows of two arrays; two rows of zeros count as alike."""
    first, second = (x.reshape(len(x), -1).astype(np.float64) for x in (a, b))
    sizes = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.where(sizes > 0, (first * second).sum(1) / np.maximum(sizes, 1e-30), 1.0)
    return float(cosines.min())


@dataclass(frozen=True)
class Score:
    """Share of right answers to one task."""

    task: str
    answers: int
    chance: float
    value: float


def scores(extractor: Extractor, windows: Windows, tagged: Tagged | None = None) -> list[Score]:
    """Scores on questions that music answers by itself (each window both ways, in two orders), and on known tags."""
    outputs = extractor.session.outputs
    found = []
    if "reversal" in outputs:
        forwards, backwards = (outputs_of(extractor.session, w)["reversal"] for w in (windows, windows[:, ::-1].copy()))
        right = np.concatenate([forwards < 0.5, backwards > 0.5])
        found.append(Score("plays backwards?", len(right), 0.5, float(right.mean())))
    if "successor" in outputs and extractor.window / 3 >= LEAST_SECONDS:
        answers = [answer for number, window in enumerate(windows) for answer in _orders(extractor, window, number)]
        told, exact = [a for a in answers if a[0] == "told"], [a for a in answers if a[0] == "exact"]
        found.append(Score("pieces shuffled?", len(told), 0.5, float(np.mean([right for _, right in told]))))
        found.append(Score("exact order of three", len(exact), 1 / 6, float(np.mean([right for _, right in exact]))))
    if tagged and "tags" in outputs:
        tags = outputs_of(extractor.session, tagged.windows)["tags"][:, tagged.columns]
        precision, chance = (mean_average_precision(x, tagged.there, tagged.known) for x in (tags, np.zeros_like(tags)))
        found.append(Score("tags of real notes, macro average precision", len(tags), chance, precision))
    return found


def _orders(extractor: Extractor, window: Windows, number: int) -> Iterator[tuple[str, bool]]:
    """Task and correctness of answers on thirds of a window, in order and in another order."""
    rate, handed = extractor.card.sample_rate, OTHER_ORDERS[number % len(OTHER_ORDERS)]
    pieces: list[Audio] = [*np.array_split(window, 3)]
    mixed, straight = extractor.order([pieces[i] for i in handed], sr=rate), extractor.order(pieces, sr=rate)
    yield "exact", tuple(handed[i] for i in mixed.permutation) == (0, 1, 2)
    yield "told", mixed.shuffled > 0.5
    yield "told", straight.shuffled <= 0.5


def milliseconds(sessions: list[Session], windows: Windows, rounds: int = 20) -> list[float]:
    """Median time of a run over ``windows`` for each model; the models take turns, so that drift affects all alike."""
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(rounds):
        for session, taken in zip(sessions, times, strict=True):
            session.run(windows, session.outputs)  # warms the caches, which hold another model's data
            start = time.perf_counter()
            session.run(windows, session.outputs)
            taken.append(1000 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]
