"""Worker processes that decode and embed; one that crashes or hangs costs one file."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Self

from musicfeat.catalog.workers.file_state import state
from musicfeat.catalog.workers.options import Description, ModelOptions
from musicfeat.catalog.workers.process import OPENING_SECONDS, CrashError, WorkerProcess
from musicfeat.catalog.workers.result import FileResult, failed
from musicfeat.errors import CatalogError, MusicfeatError

GROUP_FILES = 16
GROUP_BYTES = 32 << 20
AHEAD_GROUPS = 16
"""Number of groups of each worker that may be in work or wait for an earlier, longer one."""
SECONDS_PER_BYTE = 1e-5
"""Addition to the time limit: 10 s a megabyte, many times the need of the slowest format."""


class LocalPool:
    """Pool of worker processes that embed files, one core each, with results in the order of the files.

    Memory: a model and one file's decoder in each worker, and the results of at most ``AHEAD_GROUPS`` groups for each.

    Args:
        options: how each worker opens the model.
        workers: number of processes.
        time_limit: seconds that one file may take, plus 10 s for each megabyte.
    """

    def __init__(self, options: ModelOptions, workers: int, time_limit: float) -> None:
        self.workers, self._limit = workers, time_limit
        self._processes = [WorkerProcess(options) for _ in range(workers)]
        self._idle = SimpleQueue[WorkerProcess]()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(workers)  # each thread waits for one process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.close()
        self._threads.shutdown()

    def describe(self) -> Description:
        """Facts of the model, from workers that open it, all at once.

        Raises:
            ModelError, DeviceError, InputError: the model cannot be opened as asked.
            CatalogError: no worker can be started.
        """
        try:
            opening = [self._threads.submit(self._call, None, OPENING_SECONDS) for _ in self._processes]
            return [future.result() for future in opening].pop()
        except (CrashError, TimeoutError) as error:
            raise CatalogError(f"the model cannot be opened in a worker process: {error!r}") from error

    def map(self, paths: Iterable[str], expected: int) -> Iterator[FileResult]:
        """Result of each file, in order.

        Args:
            paths: the files.
            expected: approximate number of files.
        """
        waiting = deque[tuple[list[str], Future[Any]]]()
        for group in groups(paths, expected, self.workers):
            waiting.append((group, self._submit(group)))
            if len(waiting) == AHEAD_GROUPS * self.workers:
                yield from self._first(waiting)
        while waiting:
            yield from self._first(waiting)

    def _submit(self, paths: list[str]) -> Future[Any]:
        # One file's limit for the whole group; a group that takes longer is repeated file by file.
        return self._threads.submit(self._call, paths, self._limit + sum(map(_size, paths)) * SECONDS_PER_BYTE)

    def _call(self, paths: Sequence[str] | None, time_limit: float) -> Any:
        process = self._idle.get()
        try:
            return process.call(paths, time_limit)
        finally:
            self._idle.put(process)

    def _first(self, waiting: deque[tuple[list[str], Future[Any]]]) -> list[FileResult]:
        """Results of the oldest group; if it failed as a whole, its files are repeated one by one."""
        paths, future = waiting.popleft()
        try:
            return future.result()
        except MusicfeatError:
            raise
        except Exception as error:
            if len(paths) == 1 and isinstance(error, TimeoutError):
                return [_failed(paths[0], error)]
        again = [self._submit([path]) for path in paths]
        return [_alone(*pair) for pair in zip(paths, again, strict=True)]


def _alone(path: str, future: Future[Any]) -> FileResult:
    """Result of a file that was a worker's only task."""
    try:
        (result,) = future.result()
    except MusicfeatError:
        raise
    except Exception as error:
        return _failed(path, error)
    return result


def groups(paths: Iterable[str], expected: int, workers: int) -> Iterator[list[str]]:
    """Groups of consecutive files, small enough that losing their worker loses little.

    A short list makes small groups, so that every worker has some.
    """
    most = max(1, min(GROUP_FILES, expected // (4 * workers)))
    group, size = list[str](), 0
    for path in paths:
        group.append(path)
        size += _size(path)
        if len(group) == most or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _failed(path: str, error: Exception) -> FileResult:
    reason = f"cannot be embedded: {error}"
    if isinstance(error, TimeoutError):
        reason = "was given up: not finished within the time limit"
    elif isinstance(error, CrashError):
        reason = f"crashed its worker process twice ({error}): the decoder cannot cope with it"
    return failed(path, f"{path} {reason}", *state(path))


def _size(path: str) -> int:
    return state(path)[0] or 0
