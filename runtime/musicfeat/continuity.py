"""Continuity of a recording: scores of joins at every time show where something was cut out or put in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from musicfeat.errors import AudioError
from musicfeat.model.card import ModelCard
from musicfeat.sound.waveform import Waveform
from musicfeat.sound.windows import Window, batches, cut

STEPS = 14
"""Number of windows that begin in each piece; joins of earlier and later windows then fall on the same times."""
APART_SECONDS = 2.0
"""Least distance between reported cuts: one cut raises suspicion around it, so only the likeliest place counts."""

Scorer = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Function from windows [batch, window] to their ``successor`` [batch, n, n]."""


@dataclass(frozen=True, eq=False)
class Continuity:
    """Evidence at each of T times that the music runs straight on."""

    times: npt.NDArray[np.float64]
    """[T] seconds, evenly spaced; the first and last are a piece (a third of a window) from the recording's ends."""
    evidence: npt.NDArray[np.float64]
    """[T] nats: above 0 for 'runs on', below for 'was cut'."""

    @property
    def probability(self) -> npt.NDArray[np.float64]:
        """[T] P(runs straight on)."""
        return 1 / (1 + np.exp(-np.clip(self.evidence, -50, 50)))

    def edits(self, least: float = 0.5) -> list[tuple[float, float]]:
        """Pairs of seconds and P(cut), in time order, of all places with P(cut) of at least ``least``.

        >>> Extractor().continuity("song.wav").edits(least=0.9)
        []
        """
        suspicion = 1 - self.probability
        found: list[tuple[float, float]] = []
        for i in np.argsort(-suspicion, kind="stable"):
            if suspicion[i] < least:
                break
            if all(abs(self.times[i] - time) >= APART_SECONDS for time, _ in found):
                found.append((float(self.times[i]), float(suspicion[i])))
        return sorted(found)


def continuity(sound: Iterable[Waveform], card: ModelCard, score: Scorer, batch: int) -> Continuity:
    """Continuity of a recording, by windows slid over it, in memory that hardly grows with its length.

    Raises:
        AudioError: the recording is shorter than a window.
    """
    step = card.window // card.pieces // STEPS
    parts = batches(_whole(cut(sound, card.window, step)), batch)
    tables = [_joins(score(np.stack([window.samples for window in part]))) for part in parts]
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
