"""Pools of workers: processes on this machine, or Ray."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self

from musicfeat.catalog.workers.options import Description, ModelOptions
from musicfeat.catalog.workers.result import FileResult
from musicfeat.errors import InputError
from musicfeat.model.session import cores
from musicfeat.sound.arguments import whole


class Pool(Protocol):
    """Interface of the pools of workers."""

    def describe(self) -> Description:
        """Facts of the model."""

    def map(self, paths: Iterable[str], expected: int) -> Iterable[FileResult]:
        """Result of each file, in order."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def open_pool(name: str, options: ModelOptions, workers: int | None, time_limit: float, files: int) -> Pool:
    """A pool by its name, "local" or "ray", with no more workers on this machine than files.

    Raises:
        InputError: an argument is out of its range.
        CatalogError: Ray is not installed or cannot be reached.
    """
    asked = None if workers is None else whole(workers)
    if workers is not None and (asked is None or asked < 1):
        raise InputError(f"workers must be a whole number from 1, got {workers!r}")
    if not time_limit > 0:
        raise InputError(f"time_limit must be seconds above 0, got {time_limit!r}")
    if name == "local":
        from musicfeat.catalog.workers.local import LocalPool

        return LocalPool(options, max(1, min(asked or cores(), files)), time_limit)
    if name == "ray":
        from musicfeat.catalog.workers.on_ray import RayPool

        return RayPool(options, asked, time_limit)
    raise InputError(f"engine must be 'local' or 'ray', got {name!r}")
