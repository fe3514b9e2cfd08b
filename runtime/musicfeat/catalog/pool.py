"""Worker processes that decode and embed; one that crashes or hangs costs one file."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as TimedOut
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from musicfeat.catalog.worker import Description, Embedder, FileResult, ModelOptions
from musicfeat.errors import CatalogError

GROUP_FILES = 16
GROUP_BYTES = 32 << 20
AHEAD_GROUPS = 16
"""Groups of each worker that may be in work or wait for an earlier, longer one."""
SECONDS_PER_BYTE = 1e-5
"""Added to the time limit: 10 s a megabyte, many times what the slowest format needs."""
OPENING_SECONDS = 120.0


class Pool:
    """Embeds files in worker processes, one core each, results in the order of the files.

    Memory: a model and one file's decoder in each worker, and the results of at most ``AHEAD_GROUPS`` groups for each.

    Args:
        options: how each worker opens the model.
        workers: how many processes.
        time_limit: seconds that one file may take, beside 10 s for each megabyte.
    """

    def __init__(self, options: ModelOptions, workers: int, time_limit: float) -> None:
        self._options, self.workers, self._limit = options, workers, time_limit
        self._pool = ProcessPool(workers, context=multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.stop()
        self._pool.join()

    def describe(self) -> Description:
        """Facts of the model, from a worker that opens it.

        Raises:
            ModelError, DeviceError, InputError: it cannot be opened as asked.
            CatalogError: no worker can be started.
        """
        try:
            return self._pool.schedule(_describe, args=[self._options], timeout=OPENING_SECONDS).result()
        except BrokenProcessPool as error:
            raise CatalogError(
                "worker processes cannot start; a script that calls embed_catalog must do so under "
                '`if __name__ == "__main__":`'
            ) from error
        except (ProcessExpired, TimedOut) as error:
            raise CatalogError(f"the model cannot be opened in a worker process: {error}") from error

    def map(self, paths: Iterable[str], expected: int) -> Iterator[FileResult]:
        """A result for each file, in order.

        Args:
            paths: the files.
            expected: about how many; few files make small groups, so that every worker has some.
        """
        most = max(1, min(GROUP_FILES, expected // (4 * self.workers)))
        groups, waiting = _groups(paths, most), deque[tuple[list[str], Any]]()
        for group in groups:
            waiting.append((group, self._submit(group)))
            if len(waiting) == AHEAD_GROUPS * self.workers:
                yield from self._first(waiting)
        while waiting:
            yield from self._first(waiting)

    def _submit(self, paths: list[str]) -> Any:
        limit = len(paths) * self._limit + sum(map(_size, paths)) * SECONDS_PER_BYTE
        return self._pool.schedule(_embed, args=[self._options, paths], timeout=limit)

    def _first(self, waiting: deque[tuple[list[str], Any]]) -> list[FileResult]:
        """Results of the oldest group; if it failed as a whole, of each of its files by itself."""
        paths, future = waiting.popleft()
        try:
            return future.result()
        except (ProcessExpired, TimedOut) as error:
            if len(paths) == 1:
                return [FileResult(paths[0], *_state(paths[0]), error=_reason(paths[0], error))]
        alone = [([path], self._submit([path])) for path in paths]
        return [result for one in alone for result in self._first(deque([one]))]


def _groups(paths: Iterable[str], most: int) -> Iterator[list[str]]:
    """Consecutive files, few enough and small enough that losing their worker loses little."""
    group, size = list[str](), 0
    for path in paths:
        group.append(path)
        size += _size(path)
        if len(group) == most or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, ProcessExpired):
        return f"{path} crashed its worker process (exit code {error.exitcode}): the decoder cannot cope with it"
    return f"{path} was given up: not finished within the time limit"


def _state(path: str) -> tuple[int | None, int | None]:
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None, None
    return state.st_size, state.st_mtime_ns


def _size(path: str) -> int:
    return _state(path)[0] or 0


@cache
def _opened(options: ModelOptions) -> Embedder:
    return Embedder(options)


def _describe(options: ModelOptions) -> Description:
    return _opened(options).describe()


def _embed(options: ModelOptions, paths: Sequence[str]) -> list[FileResult]:
    return _opened(options)(paths)
