"""Splicing of waveforms: stretches of recordings joined by hard cuts, crossfades or dips, with the places known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat_trainer.data.contents import FULL_SCALE

Wave = npt.NDArray[np.float32]
Samples = npt.NDArray[np.generic]
QUIET = 1e-4
"""Root mean square, full scale being 1, below which a side of a join counts as silent."""
SIDE = 1000
"""Samples at each side of a join by which its level is judged."""


class Strip(NamedTuple):
    """A stretch of a recording, played forwards or backwards."""

    recording: Samples
    """All samples of the recording, int16 of full scale or float."""
    start: int
    stop: int
    backwards: bool = False
    gain: float = 1.0

    def wave(self, before: int = 0, after: int = 0) -> Wave:
        """Samples with more ``before`` and ``after`` it, as it is played; zeros where the recording has none."""
        early, late = (after, before) if self.backwards else (before, after)
        wave = samples(self.recording, self.start - early, self.stop + late)
        return (wave[::-1] if self.backwards else wave) * np.float32(self.gain)

    def beginning(self) -> Wave:
        """Its first ``SIDE`` samples as it is played."""
        if self.backwards:
            return samples(self.recording, max(self.start, self.stop - SIDE), self.stop) * np.float32(self.gain)
        return samples(self.recording, self.start, min(self.stop, self.start + SIDE)) * np.float32(self.gain)

    def end(self) -> Wave:
        """Its last ``SIDE`` samples as it is played."""
        return self._replace(backwards=not self.backwards).beginning()


class Join(NamedTuple):
    """How two strips are joined: ``fade`` samples of a crossfade, or of a fade to silence and back (``dip``)."""

    fade: int = 0
    shape: Literal["linear", "power", "dip"] = "linear"

    @property
    def half(self) -> int:
        """Samples by which a strip goes on into the other."""
        return 0 if self.shape == "dip" else self.fade // 2

    @property
    def ramp(self) -> Wave:
        """Gain over the beginning of the second strip."""
        count = self.fade // 2 * (1 if self.shape == "dip" else 2)
        line = (np.arange(count, dtype=np.float32) + 0.5) / max(1, count)
        return np.asarray(np.sin(line * np.pi / 2) if self.shape == "power" else line, np.float32)


class Stretch(NamedTuple):
    """Samples from ``start`` to ``stop`` of a window."""

    start: float
    stop: float


@dataclass
class Edited:
    """A window, and the edits in it."""

    wave: Wave
    cuts: list[Stretch] = field(default_factory=list)
    """Joins that can be heard; a crossfade has a length."""
    unsure: list[Stretch] = field(default_factory=list)
    """Joins of music and silence, which may be the composer's."""
    backwards: list[Stretch] = field(default_factory=list)
    """Stretches that play backwards."""
    mixed: bool = False
    """True if quieter sound plays another way than louder sound, so that neither answer is right."""

    def reversed(self) -> Edited:
        """The window played backwards; stretches that played backwards play forwards in it."""
        size = float(len(self.wave))
        cuts, unsure, heard = (
            [Stretch(size - stop, size - start) for start, stop in reversed(part)]
            for part in (self.cuts, self.unsure, self.backwards)
        )
        edges = [0.0, *(edge for stretch in heard for edge in stretch), size]
        others = [Stretch(*pair) for pair in zip(edges[::2], edges[1::2], strict=True) if pair[0] < pair[1]]
        return Edited(np.ascontiguousarray(self.wave[::-1]), cuts, unsure, others, self.mixed)


def samples(recording: Samples, start: int, stop: int) -> Wave:
    """Samples of a recording as floats within -1 and 1; zeros before its beginning and behind its end."""
    wave = np.zeros(max(0, stop - start), np.float32)
    first, last = max(0, start), min(len(recording), stop)
    if first < last:
        wave[first - start : last - start] = recording[first:last]
    return wave / np.float32(FULL_SCALE) if recording.dtype == np.int16 else wave


def spliced(strips: Sequence[Strip], joins: Sequence[Join], size: int) -> Edited:
    """Strips one after another, cut or padded to ``size`` samples.

    A crossfade lies around the place where two strips meet and plays some more of both, so that no strip moves.
    """
    result, at = Edited(np.zeros(size, np.float32)), 0
    around = [Join(), *joins, Join()]
    for strip, before, after in zip(strips, around, around[1:], strict=False):
        wave = strip.wave(before.half, after.half)
        _fade_in(wave, before)
        _fade_in(wave[::-1], after)
        _add(result.wave, wave, at - before.half)
        length = strip.stop - strip.start
        if strip.backwards and at < size:
            result.backwards.append(Stretch(float(at), float(min(at + length, size))))
        at += length
    _mark(result, strips, joins)
    return result


def _fade_in(wave: Wave, join: Join) -> None:
    """Fade in the beginning of a wave, in place."""
    ramp = join.ramp[: len(wave)]
    wave[: len(ramp)] *= ramp


def _add(whole: Wave, wave: Wave, at: int) -> None:
    """Add a wave where it lies within another, in place."""
    first, last = max(0, at), min(len(whole), at + len(wave))
    if first < last:
        whole[first:last] += wave[first - at : last - at]


def _mark(result: Edited, strips: Sequence[Strip], joins: Sequence[Join]) -> None:
    """Note the joins that lie within the window, by the sound at their sides."""
    at = 0
    for first, second, join in zip(strips, strips[1:], joins, strict=False):
        at += first.stop - first.start
        silent = sum(level(side) < QUIET for side in (first.end(), second.beginning()))
        if 0 < at < len(result.wave) and silent < 2:
            place = Stretch(at - join.fade / 2, at + join.fade / 2)
            (result.unsure if silent else result.cuts).append(place)


def level(wave: Wave) -> float:
    """Root mean square; 0 for no samples."""
    return float(np.sqrt(np.mean(np.square(wave)))) if len(wave) else 0.0
