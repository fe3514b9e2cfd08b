"""Batches that a thread draws ahead."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class Ahead(Generic[Batch]):
    """Batches by the number of the step; a thread draws the next one while a step computes.

    Args:
        draw: a pure function of the step's number.
    """

    def __init__(self, draw: Callable[[int], Batch]) -> None:
        self.draw = draw
        self.waited = 0.0
        """Seconds that steps have waited for batches."""
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Batch]] | None = None

    def __call__(self, number: int) -> Batch:
        """The batch of a step."""
        begun = time.perf_counter()
        ready = self._next[1] if self._next and self._next[0] == number else self._pool.submit(self.draw, number)
        self._next = (number + 1, self._pool.submit(self.draw, number + 1))
        batch = ready.result()
        self.waited += time.perf_counter() - begun
        return batch
