"""What is said of a track, as plain values for JSON, whether the catalog holds it or a worker judged it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.suspicion import LEAST, Track, reversals

Numbers = npt.NDArray[Any]


class Curves(NamedTuple):
    """A track over time; None is what is not known, which is told as nulls."""

    starts: Numbers
    ends: Numbers
    """[W] seconds."""
    reversal: Numbers | None
    jigsaw: Numbers | None
    """[W] probabilities."""
    tags: Mapping[str, Numbers]
    """[W] probabilities by label."""

    def described(self, window: float, duration: float, cuts: Sequence[tuple[float, float]] = ()) -> dict[str, Any]:
        """The curves, and what in them is suspicious, in time order.

        Args:
            window: seconds of a window.
            duration: seconds of the track.
            cuts: seconds and probability of each splice that was heard.
        """
        places = self._reversed(window, duration)
        places += [_place(time, time, "spliced", probability) for time, probability in cuts]
        curves = {name: getattr(self, name) for name in ("starts", "ends", "reversal", "jigsaw")}
        unknown = np.full(len(self.starts), np.nan)
        return {
            **{name: listed(unknown if curve is None else curve) for name, curve in curves.items()},
            "tags": {label: listed(curve) for label, curve in self.tags.items()},
            "suspicious": sorted(places, key=lambda place: float(place["start"])),
        }

    def _reversed(self, window: float, duration: float) -> list[dict[str, Any]]:
        if self.reversal is None:
            return []
        numbers = np.arange(len(self.starts))
        rows = np.stack([numbers, self.starts, self.ends, self.reversal], axis=1).astype(np.float64)
        found = reversals(Track("", duration, rows), window, LEAST)
        return [_place(one.start, one.end, one.kind, one.probability) for one in found]


def _place(start: float, end: float, kind: str, probability: float) -> dict[str, Any]:
    return {"start": rounded(start), "end": rounded(end), "kind": kind, "probability": rounded(probability)}


def rounded(value: float | None) -> float | None:
    """Four digits behind the point; None for what is no number."""
    return round(float(value), 4) if value is not None and np.isfinite(value) else None


def listed(values: Iterable[float]) -> list[float | None]:
    """``rounded``, each."""
    return [rounded(value) for value in values]
