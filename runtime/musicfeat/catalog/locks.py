"""Locks that allow one run at a time on a catalog, or one for each share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from musicfeat.catalog.listing import Shard
from musicfeat.catalog.locking import portalocker
from musicfeat.errors import CatalogError

STARTING_SECONDS = 600.0
_ALONE = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING


class _TakenError(CatalogError):
    """Error for a lock that another run holds."""


def name_of(shard: Shard) -> str:
    """Name of a share in names of files, such as ``0of1``."""
    return f"{shard[0]}of{shard[1]}"


@contextmanager
def starting(folder: Path) -> Iterator[None]:
    """Lock out other runs while this one inspects and repairs the catalog.

    Raises:
        CatalogError: the folder cannot be written, or another run has been starting for ten minutes.
    """
    with _lock(folder / ".lock", STARTING_SECONDS):
        yield


@contextmanager
def share(folder: Path, shard: Shard) -> Iterator[list[str]]:
    """Lock a share until the block ends; shares with the same n may run at once. Take it under ``starting``.

    Yields:
        Names of writers that are not running, whose journals may be sealed.

    Raises:
        CatalogError: another run holds this share, or one with another n.
    """
    own = name_of(shard)
    with ExitStack() as held:
        with ExitStack() as others:
            idle = [own]
            for path in sorted(folder.glob(".lock-*of*")):
                name = path.name.removeprefix(".lock-")
                try:
                    (held if name == own else others).enter_context(_lock(path, 0))
                    idle.append(name)
                except _TakenError as error:
                    if name == own or name.rpartition("of")[2] != str(shard[1]):
                        raise CatalogError(
                            f"another run is at work on {folder} (share {name.replace('of', '/')}): wait for it, "
                            "or take another folder"
                        ) from error
            if not (folder / f".lock-{own}").exists():
                held.enter_context(_lock(folder / f".lock-{own}", 0))
        yield idle


@contextmanager
def _lock(path: Path, patience: float) -> Iterator[None]:
    try:
        lock = portalocker.Lock(path, "a", timeout=patience, flags=_ALONE, fail_when_locked=patience == 0)
        lock.acquire()
    except portalocker.AlreadyLocked as error:
        raise _TakenError(f"{path} is held by another run") from error
    except (portalocker.LockException, OSError) as error:
        raise CatalogError(f"{path} cannot be locked: {error}") from error
    try:
        yield
    finally:
        lock.release()
