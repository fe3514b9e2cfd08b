"""One table of all figures, with chance and baselines beside each."""

from __future__ import annotations

from dataclasses import dataclass, field

HEADER = ["task", "on", "answers", "ours", "MFCC + chroma", "untrained", "chance"]
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
    percent: bool = True

    def cells(self) -> list[str]:
        """The row as text, in the order of ``HEADER``."""
        others = [self._text(self.baselines.get(name)) for name in (MFCC, UNTRAINED)]
        return [self.task, self.on, str(self.answers), f"**{self._text(self.ours)}**", *others, self._text(self.chance)]

    def _text(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.2f}"

    @property
    def name(self) -> str:
        """The row's key in the model card."""
        return f"{self.task}, {self.on}" if self.on else self.task
