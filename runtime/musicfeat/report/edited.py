"""Curves of edits as plain values for JSON, as fine as a page draws them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from musicfeat.curves import Curve
from musicfeat.features import Features

MOST = 1500
"""Most values of a drawn curve, about one for each of a screen's columns."""


def curves_of(features: Features) -> dict[str, Curve]:
    """The curves that features have, by the name of the output."""
    found = {"cut": features.cuts, "backwards": features.backwards}
    return {name: curve for name, curve in found.items() if curve}


def drawn(curves: Mapping[str, Curve]) -> dict[str, Any]:
    """Name of each curve -> its ``times`` in seconds and its ``values``, thinned."""
    return {name: _listed(curve.thinned(MOST)) for name, curve in curves.items()}


def _listed(curve: Curve) -> dict[str, list[float]]:
    return {
        "times": np.round(curve.times, 3).tolist(),
        "values": np.round(curve.values.astype(np.float64), 4).tolist(),
    }
