"""Shared by the benchmarks: paired timing and Markdown tables."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def paired_milliseconds(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time all candidates in turn, round after round, so that drift of the machine meets all of them alike."""
    for run in candidates.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def median_ratio(times: Mapping[str, list[float]], name: str, peer: str) -> float:
    """Median over the rounds of time(name) / time(peer)."""
    return statistics.median(a / b for a, b in zip(times[name], times[peer], strict=True))


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def data_folder() -> Path:
    """$MUSICFEAT_DATA, by default ../shared/data beside the checkout."""
    return Path(os.environ.get("MUSICFEAT_DATA", ROOT.parent / "shared" / "data"))
