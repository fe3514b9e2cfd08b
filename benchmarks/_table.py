"""Helpers of the benchmarks: paired timing and Markdown tables."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))  # for `support`: damaged files and browser pages as in the tests
TURN = 4


def paired_milliseconds(candidates: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds per call of each candidate, one figure per round.

    The candidates take turns, so that drift of the machine affects all alike. A turn is a few calls in a row,
    as in real use, and the fastest counts: in the first call, the caches hold another candidate's data.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            times[name].append(min(_milliseconds(run) for _ in range(TURN)))
    return times


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def median_ratio(times: Mapping[str, list[float]], name: str, peer: str) -> float:
    """Median over the rounds of time(name) / time(peer)."""
    return statistics.median(a / b for a, b in zip(times[name], times[peer], strict=True))


def percent(value: float) -> str:
    """``0.5`` as ``50.0 %``."""
    return f"{100 * value:.1f} %"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def data_folder() -> Path:
    """$MUSICFEAT_DATA, by default ../shared/data beside the checkout."""
    return Path(os.environ.get("MUSICFEAT_DATA", ROOT.parent / "shared" / "data"))


def music_folder() -> Path:
    """Folder of real music below ``data_folder``; without its list of tracks the benchmark ends in words."""
    music = data_folder() / "music"
    if not (music / "tracks.csv").is_file():
        raise SystemExit(f"no music at {music}: set MUSICFEAT_DATA to a folder with music/tracks.csv")
    return music
