"""Size and time of change of a file, by which a catalog recognises it."""

from __future__ import annotations

import os

State = tuple[int | None, int | None]
"""Size in bytes and time of change in microseconds, the finest that Python's own times hold."""


LATEST_US = 253_402_300_799_000_000
"""End of the year 9999; later times count as this."""


def state(path: str) -> State:
    """Size and time of change of a file, None for one that cannot be reached."""
    try:
        now = os.stat(path)
    except (OSError, ValueError):
        return None, None
    return now.st_size, min(max(now.st_mtime_ns // 1000, 0), LATEST_US)
