"""Facts about a track as plain values for JSON, from the catalog or from a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.curves import Curve
from musicfeat.report.edited import drawn
from musicfeat.suspicion import LEAST, Finding, Track, reversals
from musicfeat.suspicion import heard as under_priors

Numbers = npt.NDArray[Any]


class Heard(NamedTuple):
    """Edits heard in a track."""

    edits: tuple[Finding, ...] = ()
    """Cuts and backward stretches, before any prior."""
    curves: Mapping[str, Curve] = {}
    """Curves that they were found in, by the name of the output; none of models without curves."""


NOTHING = Heard()


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

    def described(self, window: float, duration: float, heard: Heard = NOTHING) -> dict[str, Any]:
        """The curves, and suspicious places in time order.

        Args:
            window: seconds of a window.
            duration: seconds of the track.
            heard: edits found in the track, and the curves that they were found in.
        """
        places = [_place(finding) for finding in self._suspicious(window, duration, heard.edits)]
        curves = {name: getattr(self, name) for name in ("starts", "ends", "reversal", "jigsaw")}
        unknown = np.full(len(self.starts), np.nan)
        return {
            **{name: listed(unknown if curve is None else curve) for name, curve in curves.items()},
            "edited": drawn(heard.curves),
            "tags": {label: listed(curve) for label, curve in self.tags.items()},
            "suspicious": sorted(places, key=lambda place: float(place["start"])),
        }

    def _suspicious(self, window: float, duration: float, edits: tuple[Finding, ...]) -> list[Finding]:
        reversal = np.full(len(self.starts), 0.5) if self.reversal is None else self.reversal
        rows = np.stack([np.arange(len(self.starts)), self.starts, self.ends, reversal], axis=1).astype(np.float64)
        track = Track("", duration, rows, edits)
        found = reversals(track, window, LEAST)
        return found + under_priors(track, found, LEAST)


def _place(found: Finding) -> dict[str, Any]:
    numbers = {name: rounded(getattr(found, name)) for name in ("start", "end", "probability")}
    return {**numbers, "kind": found.kind}


def rounded(value: float | None) -> float | None:
    """The value with four decimals; None if it is not a finite number."""
    return round(float(value), 4) if value is not None and np.isfinite(value) else None


def listed(values: Iterable[float]) -> list[float | None]:
    """Each value ``rounded``."""
    return [rounded(value) for value in values]
