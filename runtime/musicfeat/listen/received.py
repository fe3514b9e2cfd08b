"""Numbers that the page found in a file by itself, checked: nobody vouches for what a browser sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.curves import Curve
from musicfeat.errors import InputError
from musicfeat.finding import Finding
from musicfeat.listen.facts import Curves, Heard
from musicfeat.suspicion import LEAST

Doubles = npt.NDArray[np.float64]
MOST_BYTES = 8_000_000
"""Most bytes of the numbers of a file, those of about four hours."""
LARGEST = 1e6
"""Greatest number that is believed, in seconds or in an embedding."""


class Received(NamedTuple):
    """A file, as the browser judged it."""

    weights_sha256: str
    """Weights of the model that judged it."""
    curves: Curves
    heard: Heard
    embedding: npt.NDArray[np.float32]
    """[D] embedding of the whole file."""

    @property
    def duration(self) -> float:
        """Seconds from the first window's start to the last window's end."""
        return float(self.curves.ends[-1] - self.curves.starts[0])


def received(data: Mapping[str, Any]) -> Received:
    """The numbers of a file.

    Args:
        data: ``weights_sha256``; ``starts``, ``ends`` and ``reversal`` of W windows; ``embedding`` of the file;
            ``curves``, by name, each None or with ``times``, ``values`` and the ``step`` of a window's values;
            ``cuts``, pairs of seconds and P(cut), of models without curves.

    Raises:
        InputError: something is missing, or out of range.
    """
    starts = _numbers(data, "starts")
    _check(bool((np.diff(starts) > 0).all()), "starts must rise")
    ends, reversal = (_numbers(data, name, len(starts)) for name in ("ends", "reversal"))
    _check(bool((ends > starts).all()), "each of ends must lie behind that of starts")
    _check_probabilities(reversal, "reversal")
    embedding = _numbers(data, "embedding").astype(np.float32)
    weights = data.get("weights_sha256")
    if not isinstance(weights, str):
        raise InputError("weights_sha256 must be a text")
    curves = Curves(starts, ends, reversal, None, {})
    return Received(weights, curves, _heard(data), embedding)


def _heard(data: Mapping[str, Any]) -> Heard:
    held = data.get("curves", {})
    _check(isinstance(held, dict), "curves must be an object")
    curves = {name: _curve(held[name], name) for name in ("cut", "backwards") if held.get(name) is not None}
    found = _cuts(data.get("cuts", []))
    if "cut" in curves:
        found += curves["cut"].cuts(LEAST)
    if "backwards" in curves:
        found += curves["backwards"].stretches(LEAST, curves.get("cut"))
    return Heard(tuple(sorted(found, key=lambda finding: finding.start)), curves)


def _curve(data: Any, name: str) -> Curve:
    _check(isinstance(data, dict), f"the curve {name} must be an object")
    times = _numbers(data, "times")
    _check(bool((np.diff(times) >= 0).all()), "times must not fall")  # those of two windows may be equal when rounded
    values = _numbers(data, "values", len(times))
    _check_probabilities(values, "values")
    step = _floats([data.get("step")], "step")[0]
    _check(step > 0, "step must be above 0")
    return Curve(times, values.astype(np.float32), float(step))


def _cuts(pairs: Any) -> list[Finding]:
    _check(isinstance(pairs, list) and all(isinstance(pair, list) for pair in pairs), "cuts must be a list of pairs")
    found = []
    for pair in pairs:
        _check(len(pair) == 2, "cuts must be a list of pairs")
        time, probability = _floats(pair, "cuts").tolist()
        _check(0 <= probability <= 1, "cuts must have probabilities from 0 to 1")
        found.append(Finding("spliced", time, time, probability))
    return found


def _numbers(data: Mapping[str, Any], name: str, length: int | None = None) -> Doubles:
    values = data.get(name)
    if not isinstance(values, list) or not values:
        raise InputError(f"{name} must be a list of numbers")
    if length not in (None, len(values)):
        raise InputError(f"{name} must hold {length} numbers, got {len(values)}")
    return _floats(values, name)


def _floats(values: list[Any], name: str) -> Doubles:
    plain = all(type(value) in (int, float) and -LARGEST <= value <= LARGEST for value in values)
    _check(plain, f"{name} must hold finite numbers of at most {LARGEST:.0f}")
    return np.asarray(values, np.float64)


def _check_probabilities(values: Doubles, name: str) -> None:
    _check(bool(((values >= 0) & (values <= 1)).all()), f"{name} must hold probabilities from 0 to 1")


def _check(right: bool, told: str) -> None:
    if not right:
        raise InputError(told)
