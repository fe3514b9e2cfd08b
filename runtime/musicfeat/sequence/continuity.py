"""Continuity of a recording: curves or scores of joins at every time show where something was cut out or put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from musicfeat.curves import APART_SECONDS as CUTS_APART
from musicfeat.curves import Curve, peaks, stitched
from musicfeat.errors import AudioError
from musicfeat.finding import Finding
from musicfeat.model.card import ModelCard
from musicfeat.sequence.second_hearing import heard_again
from musicfeat.sound.waveform import Waveform
from musicfeat.sound.windows import Window, batches, cut

STEPS = 14
"""Number of windows that begin in each piece; joins of earlier and later windows then fall on the same times."""
APART_SECONDS = 2.0
"""Least distance between reported cuts: one cut raises suspicion around it, so only the likeliest place counts."""

Runner = Callable[[npt.NDArray[np.float32]], dict[str, npt.NDArray[np.float32]]]
"""Function from windows [batch, window] to outputs by name: curves, each [batch, T], or ``successor`` [batch, n, n]."""


@dataclass(frozen=True, eq=False)
class Continuity:
    """Evidence at each of T times that the music runs straight on."""

    times: npt.NDArray[np.float64]
    """[T] seconds, evenly spaced; the first and last are a piece (a third of a window) from the recording's ends."""
    evidence: npt.NDArray[np.float64]
    """[T] nats: above 0 for 'runs on', below for 'was cut'."""
    apart: float = APART_SECONDS
    """Least seconds between two edits."""
    backwards: Curve | None = None
    """P(this plays backwards) over time, from models with such a curve."""

    @property
    def probability(self) -> npt.NDArray[np.float64]:
        """[T] P(runs straight on)."""
        return 1 / (1 + np.exp(-np.clip(self.evidence, -50, 50)))

    def edits(self, least: float = 0.5) -> list[tuple[float, float]]:
        """Pairs of seconds and P(cut), in time order, of all places with P(cut) of at least ``least``.

        >>> Extractor().continuity("song.wav").edits(least=0.9)
        []
        """
        return peaks(self.times, 1 - self.probability, least, self.apart)

    def later(self, seconds: float) -> Continuity:
        """The same for a recording that starts some seconds later on a player's clock."""
        curve = self.backwards and replace(self.backwards, times=self.backwards.times + seconds)
        return replace(self, times=self.times + seconds, backwards=curve)

    def findings(self, least: float = 0.5) -> list[Finding]:
        """Cuts and stretches that play backwards, each with its kind, in time order."""
        cuts = [Finding("spliced", time, time, probability) for time, probability in self.edits(least)]
        return sorted([*cuts, *self.stretches(least)], key=lambda finding: finding.start)

    def stretches(self, least: float = 0.5) -> list[Finding]:
        """Stretches that play backwards, in time order; none without a curve of them."""
        if not self.backwards:
            return []
        suspicion = np.asarray(1 - self.probability, np.float32)
        return self.backwards.stretches(least, Curve(self.times, suspicion, self.step))

    @property
    def step(self) -> float:
        """Seconds from one time to the next; 0 if there is but one."""
        return float(self.times[1] - self.times[0]) if len(self.times) > 1 else 0.0


def heard(sound: Iterable[Waveform], card: ModelCard, run: Runner, batch: int) -> Continuity:
    """Continuity of a recording by the curves of a model, in windows that overlap by half; any length will do.

    Windows in which the model suspects a cut are heard twice.
    """
    parts, starts, end = list[dict[str, npt.NDArray[np.float32]]](), list[int](), 0
    for part in batches(cut(sound, card.window, card.window // 2), batch):
        windows = np.stack([window.samples for window in part])
        values = run(windows)
        parts.append({**values, "cut": heard_again(windows, values["cut"], card, lambda again: run(again)["cut"])})
        starts += [window.start for window in part]
        end = part[-1].start + part[-1].valid
    rate, begins = card.sample_rate, np.array(starts) / card.sample_rate
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    curves = {name: stitched(begins, rows, *card.curves[name], end / rate) for name, rows in values.items()}
    found = curves["cut"]
    return Continuity(found.times, -found.log_odds, CUTS_APART, curves.get("backwards"))


def continuity(sound: Iterable[Waveform], card: ModelCard, run: Runner, batch: int) -> Continuity:
    """Continuity of a recording, by windows slid over it, in memory that hardly grows with its length.

    Raises:
        AudioError: the recording is shorter than a window.
    """
    step = card.window // card.pieces // STEPS
    grouped = batches(_whole(cut(sound, card.window, step)), batch)
    tables = [_joins(run(np.stack([window.samples for window in group]))["successor"]) for group in grouped]
    if not tables:
        raise AudioError(f"continuity needs at least a window of {card.window / card.sample_rate:g} s of sound")
    return _overlaid(np.concatenate(tables), step / card.sample_rate)


def _whole(windows: Iterable[Window]) -> Iterable[Window]:
    return (window for window in windows if window.valid == len(window.samples))


def _joins(tables: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """[batch, pieces - 1] scores of the neighbouring pieces in each window."""
    return np.diagonal(tables, offset=1, axis1=1, axis2=2).astype(np.float64)


def _overlaid(joins: npt.NDArray[np.float64], step: float) -> Continuity:
    """Mean of all joins at the same time; [windows, joins] -> one value every ``step`` seconds."""
    windows, places = joins.shape
    total, seen = np.zeros((2, windows + STEPS * (places - 1)))
    for place in range(places):
        total[STEPS * place : STEPS * place + windows] += joins[:, place]
        seen[STEPS * place : STEPS * place + windows] += 1
    reached = seen > 0
    times = step * (STEPS + np.arange(len(total)))
    return Continuity(times[reached], total[reached] / seen[reached])
