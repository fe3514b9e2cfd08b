"""A run's progress on the terminal: steps, speed, the last figures, and when it will be done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from tqdm import tqdm

Clock = Callable[[], float]


class Progress:
    """A bar of steps. The time left counts evaluations and waiting, which a rate of the last steps would not.

    Args:
        name: what is trained.
        done: steps of earlier continuations.
        steps: of the whole run.
        quiet: whether nothing is shown.
        clock: seconds.
    """

    def __init__(self, name: str, done: int, steps: int, *, quiet: bool = False, clock: Clock = time.monotonic) -> None:
        self.first, self.done, self.steps, self.clock = done, done, steps, clock
        self.begun = clock()
        shape = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
        self.bar = tqdm(initial=done, total=steps, desc=name, disable=quiet, bar_format=shape)
        self.figures = ""

    @property
    def left(self) -> float:
        """Seconds that the steps to come will take, at the mean pace of this continuation; NaN before the first."""
        if self.done == self.first:
            return float("nan")
        return (self.clock() - self.begun) / (self.done - self.first) * (self.steps - self.done)

    def stepped(self) -> None:
        """One more step is done."""
        self.done += 1
        self.bar.set_postfix_str(f"{self.figures}{expected(self.left)}", refresh=False)
        self.bar.update()

    def evaluated(self, figures: Mapping[str, float]) -> None:
        """Show the latest figures from here on."""
        self.figures = "".join(f"{name} {value:.3f}, " for name, value in figures.items())

    def close(self) -> None:
        """Leave the last line as it is."""
        self.bar.close()


def expected(seconds: float) -> str:
    """``1 h 05 min left, until 14:30``, or the day, too, where that is another one."""
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
