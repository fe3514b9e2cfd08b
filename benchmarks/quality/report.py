"""One table of all figures, with interval, baselines, peers and chance beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from musicfeat_trainer.evaluate.intervals import Interval

MFCC, UNTRAINED = "MFCC + chroma", "untrained"


@dataclass
class Row:
    """A figure. Shares and areas are printed in percent, ranks and times as they are."""

    task: str
    on: str
    answers: int
    ours: float
    chance: float | None = None
    baselines: dict[str, float] = field(default_factory=dict)
    """Figures of baselines and peers by name."""
    percent: bool = True
    interval: Interval | None = None
    """Bounds that hold our figure with 95 % confidence, over tracks, pieces or sounds drawn anew."""

    def cells(self, others: Sequence[str]) -> list[str]:
        """The row as text, in the order of ``header``."""
        interval = " to ".join(map(self._text, self.interval)) if self.interval else ""
        figures = [self._text(self.baselines.get(name)) for name in others]
        return [
            self.task, self.on, str(self.answers), f"**{self._text(self.ours)}**", interval, *figures,
            self._text(self.chance),
        ]  # fmt: skip

    def _text(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.2f}"

    @property
    def name(self) -> str:
        """The row's key in the model card."""
        return f"{self.task}, {self.on}" if self.on else self.task


def header(others: Sequence[str]) -> list[str]:
    """Heads of the columns; ``others`` are baselines and peers."""
    return ["task", "on", "answers", "ours", "95 %", *others, "chance"]
