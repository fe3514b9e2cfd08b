"""Facts about a track as plain values for JSON, from the catalog or from a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.suspicion import LEAST, Track, reversals

Numbers = npt.NDArray[Any]


class Curves(NamedTuple):
    """A track over time; an unknown curve is None, and nulls in JSON."""

    starts: Numbers
    ends: Numbers
    """[W] seconds."""
    reversal: Numbers | None
    jigsaw: Numbers | None
    """[W] probabilities."""
    tags: Mapping[str, Numbers]
    """[W] probabilities by label."""

    def described(self, window: float, duration: float, cuts: Sequence[tuple[float, float]] = ()) -> dict[str, Any]:
        """The curves, and suspicious places in time order.

        Args:
            window: seconds of a window.
            duration: seconds of the track.
            cuts: seconds and probability of each splice found.
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
    """The value with four decimals; None if it is not a finite number."""
    return round(float(value), 4) if value is not None and np.isfinite(value) else None


def listed(values: Iterable[float]) -> list[float | None]:
    """Each value ``rounded``."""
    return [rounded(value) for value in values]
