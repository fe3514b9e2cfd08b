"""Iteration a few items ahead in a thread, so that decoding overlaps with the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
POLL_SECONDS = 0.1


def ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """The same items in the same order, up to ``most`` of them produced before they are asked for.

    An error of ``items`` is raised in its place; closing the generator stops the thread.
    """
    queue: Queue[tuple[Item | None, BaseException | None, bool]] = Queue(most)
    stopped = Event()
    worker = Thread(target=_fill, args=(items, queue, stopped), daemon=True)
    worker.start()
    try:
        while True:
            item, error, more = queue.get()
            if error:
                raise error
            if not more:
                return
            yield item  # type: ignore[misc]  # there is an item while there is more
    finally:
        stopped.set()
        worker.join()


def _fill(items: Iterable[Item], queue: Queue[tuple[Item | None, BaseException | None, bool]], stopped: Event) -> None:
    try:
        for item in items:
            if not _put(queue, (item, None, True), stopped):
                return
        _put(queue, (None, None, False), stopped)
    except BaseException as error:
        _put(queue, (None, error, False), stopped)


def _put(queue: Queue[Item], item: Item, stopped: Event) -> bool:
    """Put an item once there is room; False if the reader has gone."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=POLL_SECONDS)
        except Full:
            continue
        return True
    return False
