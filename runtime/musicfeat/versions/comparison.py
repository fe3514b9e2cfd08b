"""Comparison of two versions of a recording, to an edit list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.sound.audio import Audio, load
from musicfeat.versions.alignment import Aligner
from musicfeat.versions.detail import SPEC
from musicfeat.versions.edits import Edit, edits_of, main_speed, parts_of, rounded


@dataclass(frozen=True)
class Comparison:
    """How the second of two versions was made from the first."""

    entries: tuple[Edit, ...]
    """All parts of both sounds in the order of the second, kept ones too."""
    speed: float
    """Seconds of the first sound in a second of most of the second: above 1 if the second plays faster."""
    durations: tuple[float, float]
    """Lengths of both in seconds."""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Entries that are not kept; none if the second is a copy, as a whole and at one speed."""
        return tuple(edit for edit in self.entries if edit.kind != "kept")


def compare(a: Audio, b: Audio, sr: float | tuple[float | None, float | None] | None = None) -> Comparison:
    """The edits that lead from one version of a recording to another.

    The second may be coded, levelled, equalised, or played up to 6 % faster or slower, tone and tempo alike, as a
    whole or in part. Edits shorter than 0.1 s are not told; music that repeats to the note hides those of whole
    repeats.

    Args:
        a: the original: path, open file, or array of [samples] or [channels, samples].
        b: the version of it.
        sr: sample rate of the arrays in Hz, one for both or one for each; a file knows its own.

    Raises:
        InputError: an array or its rate is unusable.
        AudioError: a file cannot be decoded.
    """
    rates = sr if isinstance(sr, tuple) else (sr, sr)
    first, second = (load(audio, rate, rate=SPEC.sample_rate) for audio, rate in zip((a, b), rates, strict=True))
    return compared(first, second)


def compared(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> Comparison:
    """The comparison of two waveforms at ``SPEC.sample_rate``."""
    parts = parts_of(Aligner(first, second).align())
    lengths = len(first) / SPEC.sample_rate, len(second) / SPEC.sample_rate
    return Comparison(tuple(rounded(edit) for edit in edits_of(parts, *lengths)), main_speed(parts), lengths)
