"""Progress and summary of a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from musicfeat.catalog.plan import Plan
from musicfeat.catalog.workers.result import FileResult


@dataclass(frozen=True)
class Summary:
    """Counts of a finished run."""

    embedded: int
    """Number of files that it embedded."""
    failed: int
    """Number of files of the list without features, including earlier failures that were not tried again."""
    unchanged: int
    """Number of files of the list that it left unchanged."""
    rows: int
    """Number of rows that it wrote."""
    audio_seconds: float
    """Total length of the embedded files."""
    seconds: float
    """Time from the first file to the last."""
    passed: Mapping[str, int] = field(default_factory=dict)
    """Number of entries passed over in folders, by reason."""
    lost: float = 0.0
    """Seconds of damaged sound left out of the embedded files."""

    def __str__(self) -> str:
        speed = self.audio_seconds / max(self.seconds, 1e-9)
        return (
            f"{self.embedded} files embedded ({self.audio_seconds / 3600:.2f} h, {self.rows} rows) "
            f"in {self.seconds:.1f} s, {speed:.0f} x real time; {self.unchanged} unchanged, {self.failed} failed"
            + (f", {told(self.passed)} passed over" if self.passed else "")
            + (f"; {self.lost:.1f} s of sound were damaged and left out" if self.lost else "")
        )


def told(passed: Mapping[str, int]) -> str:
    """Counts and their reasons in words."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(passed.items()))


class Progress:
    """Counter of results, shown on stderr if asked: rate, x real time, files left, failures."""

    def __init__(self, plan: Plan, shown: bool) -> None:
        self._plan, self._began = plan, time.monotonic()
        self._embedded, self._failed, self._rows, self._audio, self._lost = 0, 0, 0, 0.0, 0.0
        self._bar = None
        if shown:
            from tqdm import tqdm

            self._bar = tqdm(total=len(plan.todo), unit="file", dynamic_ncols=True)

    def add(self, result: FileResult, rows: int) -> None:
        """Count one file."""
        self._embedded += result.features is not None
        self._failed += result.features is None
        self._rows += rows
        self._audio += result.features.duration if result.features else 0.0
        self._lost += result.features.lost if result.features else 0.0
        if self._bar is not None:
            speed = self._audio / max(time.monotonic() - self._began, 1e-9)
            self._bar.set_postfix_str(f"{speed:.0f} x real time, {self._failed} failed", refresh=False)
            self._bar.update()

    def close(self) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.close()

    def summary(self) -> Summary:
        """The counts so far."""
        return Summary(
            embedded=self._embedded,
            failed=self._failed + self._plan.failed,
            unchanged=self._plan.unchanged,
            rows=self._rows,
            audio_seconds=self._audio,
            lost=self._lost,
            seconds=time.monotonic() - self._began,
        )
