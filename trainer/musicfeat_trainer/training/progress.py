"""Progress of a run on the terminal: steps, speed, the last figures and the expected end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from tqdm import tqdm

Clock = Callable[[], float]


class Progress:
    """Bar of steps. The time left includes evaluations and waiting, which the rate of the last steps would miss.

    Args:
        name: name of the trained part.
        done: steps made by earlier continuations.
        steps: steps of the whole run.
        quiet: True to show nothing.
        clock: source of the time in seconds.
    """

    def __init__(self, name: str, done: int, steps: int, *, quiet: bool = False, clock: Clock = time.monotonic) -> None:
        self.first, self.done, self.steps, self.clock = done, done, steps, clock
        self.begun = clock()
        shape = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
        self.bar = tqdm(initial=done, total=steps, desc=name, disable=quiet, bar_format=shape)
        self.figures = ""

    @property
    def left(self) -> float:
        """Seconds that the remaining steps take at the mean pace of this continuation; NaN before its first step."""
        if self.done == self.first:
            return float("nan")
        return (self.clock() - self.begun) / (self.done - self.first) * (self.steps - self.done)

    def stepped(self) -> None:
        """Count one more step as done."""
        self.done += 1
        self.bar.set_postfix_str(f"{self.figures}{expected(self.left)}", refresh=False)
        self.bar.update()

    def evaluated(self, figures: Mapping[str, float]) -> None:
        """Show these figures from now on."""
        self.figures = "".join(f"{name} {value:.3f}, " for name, value in figures.items())

    def close(self) -> None:
        """Close the bar, leaving its last line on the screen."""
        self.bar.close()


def expected(seconds: float) -> str:
    """Text such as ``1 h 05 min left, until 14:30``, with the date if the end is on another day."""
    if math.isnan(seconds):
        return "time left unknown"
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute left"
    hours, rest = divmod(minutes, 60)
    length = f"{hours} h {rest:02} min" if hours else f"{rest} min"
    now, end = time.localtime(), time.localtime(time.time() + seconds)
    day = "" if now[:3] == end[:3] else f"{time.strftime('%d %b', end)} "
    return f"{length} left, until {day}{time.strftime('%H:%M', end)}"
