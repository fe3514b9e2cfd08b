"""Number of cores that this process may use, by the machine, its affinity and the quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


def cores() -> int:
    """Number of whole cores, at least one."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([there, *(math.ceil(quota) for quota in _quotas())]))


def _quotas() -> Iterator[float]:
    """Cores that each Linux control group of this process allows, version 1 or 2: its own and those above."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if not kinds:
            yield from filter(None, map(_quota, _folders(GROUPS, path)))
        elif "cpu" in kinds.split(","):
            tops = (GROUPS / name for name in (kinds, "cpu"))
            yield from filter(None, (_old_quota(folder) for top in tops for folder in _folders(top, path)))


def _folders(top: Path, path: str) -> list[Path]:
    """The group's folder and those above; inside a container its own group may be the top."""
    folder = top / path.strip("/")
    return [folder, *(above for above in folder.parents if above.is_relative_to(top))]


def _quota(folder: Path) -> float | None:
    try:
        limit, period = (folder / "cpu.max").read_text().split()
        return int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no limit
        return None


def _old_quota(folder: Path) -> float | None:
    try:
        limit, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return limit / period if limit > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
