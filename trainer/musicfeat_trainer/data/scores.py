"""MIDI scores performed on single notes, as mel power: any instrument of any font in any part, labelled as heard.

Every part gets an instrument, level and equalisation of its own, so that no mix is heard twice and no font is to be
recognised by all of its instruments at once. Powers of parts add up as if their phases were random.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat.log_mel import SILENCE_POWER
from musicfeat_trainer.data.midi import LOW, LOW_PITCH, played, read
from musicfeat_trainer.data.note_bank import Instrument
from musicfeat_trainer.instruments import DRUM_CHANNEL, OPENMIC, Sounds, of_drum

BLOCK = 16
"""Spectrogram frames to one label in time."""
MOST_PARTS = 6
NONE_SHARE = 0.15
"""Of the parts, so many are played on instruments that are none of the labels."""
DOMINATED, BANDS = 0.25, 2
"""A part is heard where its power is this share of the mix's, in so many bands."""
FAINTEST = 1e-4
"""A part below this share of the mix's power in all bands together is not there."""
LOUDNESS = 6.0
"""Standard deviation of the parts' levels, in decibels."""

Array = npt.NDArray[np.float32]


class Performed(NamedTuple):
    """Windows of mel power, and what is heard in every block of them."""

    power: Tensor  # [n, frames, bands]
    there: Tensor  # [n, blocks, 20]
    known: Tensor  # [n, blocks, 20]


@dataclass(frozen=True)
class Score:
    """The parts of a piece, each [notes, 4]: start, end (seconds), pitch, level; channel 9 is the drums."""

    parts: dict[int, Array]
    seconds: float


def read_scores(paths: Sequence[Path]) -> list[Score]:
    """Scores of the files that are readable and hold notes."""
    with ProcessPoolExecutor() as pool:
        return [score for score in pool.map(read_score, paths, chunksize=8) if score]


def read_score(path: Path) -> Score | None:
    """The score of one file; None if it is unreadable or holds no note."""
    rows: dict[int, list[tuple[float, float, int, float]]] = defaultdict(list)
    try:
        for note in played(read(path)):
            rows[note.channel].append((note.start, note.end, note.pitch, note.level))
    except InputError:
        return None
    parts = {channel: np.array(part, np.float32) for channel, part in rows.items()}
    return Score(parts, max(float(part[:, 1].max()) for part in parts.values())) if parts else None


class ScorePlayer:
    """Draws windows of performed scores.

    Args:
        scores: what is played.
        instruments: what plays, many of the same kind among them.
        kits: drum kits.
        labels: the instruments that are taught, drawn equally often.
        frame_seconds: from one spectrogram frame to the next.
    """

    def __init__(
        self,
        scores: Sequence[Score],
        instruments: Sequence[Instrument],
        kits: Sequence[Instrument],
        labels: Sequence[str],
        frame_seconds: float,
    ) -> None:
        self.scores, self.kits, self.frame_seconds = scores, kits, frame_seconds
        self.teachable = np.isin(OPENMIC, list(labels))
        self.of_label: dict[str, list[Instrument]] = {label: [] for label in labels}
        self.others: list[Instrument] = []
        for instrument in instruments:
            sure = [OPENMIC[index] for index, sure in instrument.sounds if sure and OPENMIC[index] in labels]
            for pool in [self.of_label[label] for label in sure] or [self.others]:
                pool.append(instrument)
        self.of_label = {label: pool for label, pool in self.of_label.items() if pool}
        self.weights = np.array([score.seconds for score in scores]) / sum(score.seconds for score in scores)

    def draw(self, count: int, frames: int, generator: np.random.Generator) -> Performed:
        """So many windows of ``frames``."""
        drawn = [self._window(frames, generator) for _ in range(count)]
        return Performed(*(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)))

    def _window(self, frames: int, generator: np.random.Generator) -> tuple[Array, Array, Array]:
        bands = self.kits[0].notes[0].shape[1]
        heard: list[tuple[Sounds, Array]] = []
        for channel, notes in self._parts(frames, generator):
            if channel == DRUM_CHANNEL:
                stems = self._drums(notes, frames, generator)
            else:
                instrument = self._cast(float(np.median(notes[:, 2])), generator)
                stems = [(instrument.sounds, perform(notes, instrument, frames))]
            loudest = blocks(np.sum([stem for _, stem in stems], axis=0)).sum(1).max()
            level = 10 ** (generator.normal(0, LOUDNESS) / 10) / max(loudest, SILENCE_POWER)
            change = _equaliser(bands, generator) * np.float32(level)
            heard += [(sounds, stem * change) for sounds, stem in stems]
        noise = np.full((frames, bands), SILENCE_POWER / (2 * bands), np.float32)
        power = np.sum([stem for _, stem in heard], axis=0, dtype=np.float32) + noise
        return power, *self._labels(heard, power)

    def _parts(self, frames: int, generator: np.random.Generator) -> list[tuple[int, Array]]:
        """Some of the parts of a stretch of a score, in frames from its beginning."""
        seconds = frames * self.frame_seconds * np.exp(generator.uniform(-0.2, 0.2))
        while True:
            score = self.scores[generator.choice(len(self.scores), p=self.weights)]
            start = generator.uniform(0, max(0.01, score.seconds - seconds))
            inside = [
                (channel, notes[(notes[:, 1] > start) & (notes[:, 0] < start + seconds)])
                for channel, notes in sorted(score.parts.items())
            ]
            inside = [(channel, notes) for channel, notes in inside if len(notes)]
            if inside:
                break
        most = int(generator.integers(1, MOST_PARTS + 1))
        chosen = generator.permutation(len(inside))[:most]
        scale = np.array([frames / seconds, frames / seconds, 1, 1], np.float32)
        return [(inside[i][0], (inside[i][1] - np.array([start, start, 0, 0], np.float32)) * scale) for i in chosen]

    def _cast(self, pitch: float, generator: np.random.Generator) -> Instrument:
        if self.others and generator.random() < NONE_SHARE:
            return self.others[int(generator.integers(len(self.others)))]
        labels = [label for label in self.of_label if (label in LOW if pitch < LOW_PITCH else label != "bass")]
        pool = self.of_label[str(generator.choice(labels or list(self.of_label)))]
        return pool[int(generator.integers(len(pool)))]

    def _drums(self, notes: Array, frames: int, generator: np.random.Generator) -> list[tuple[Sounds, Array]]:
        """Drums and cymbals apart: a label each."""
        kit = self.kits[int(generator.integers(len(self.kits)))]
        kinds = {pitch: of_drum(int(pitch)) for pitch in np.unique(notes[:, 2])}
        groups = dict.fromkeys(kinds.values())
        return [
            (sounds, perform(notes[[kinds[pitch] == sounds for pitch in notes[:, 2]]], kit, frames))
            for sounds in groups
        ]

    def _labels(self, heard: Sequence[tuple[Sounds, Array]], power: Array) -> tuple[Array, Array]:
        mix = blocks(power)
        there = np.zeros((len(mix), len(OPENMIC)), np.float32)
        known = np.tile(self.teachable.astype(np.float32), (len(mix), 1))
        for sounds, stem in heard:
            part = blocks(stem)
            loud = (part > DOMINATED * mix).sum(1) >= BANDS
            faint = ~loud & (part.sum(1) > FAINTEST * mix.sum(1))
            for index, sure in sounds:
                there[:, index] = np.maximum(there[:, index], loud & sure & self.teachable[index])
                known[:, index] *= ~(faint | (loud & (not sure)))
        return there, np.where(there > 0, 1, known).astype(np.float32)


def perform(notes: Array, instrument: Instrument, frames: int) -> Array:
    """[frames, bands] of notes [n, 4] (start and end in frames, pitch, level), each the nearest of the instrument's.

    A note that lasts longer than the instrument's was held ends before; what follows is the release, from the level
    that the note had.
    """
    power = np.zeros((frames, instrument.notes[0].shape[1]), np.float32)
    nearest = np.abs(instrument.pitches[:, None] - notes[:, 2]).argmin(0)
    for (start, end, _, level), which in zip(notes.tolist(), nearest.tolist(), strict=True):
        note = instrument.notes[which]
        first, held = round(start), min(max(2, round(end - start)), instrument.held)
        add(power, first, note[:held] * level**2)
        release = note[instrument.held :]
        if len(release):
            falling = float(note[held - 1].sum()) / max(float(note[instrument.held - 1].sum()), SILENCE_POWER)
            add(power, first + held, release * (falling * level**2))
    return power


def add(power: Array, first: int, sound: Array) -> None:
    """Lay ``sound`` over what begins at frame ``first``, which may be before the beginning."""
    skipped = max(0, -first)
    place = power[first + skipped : max(0, first + len(sound))]
    place += sound[skipped : skipped + len(place)]


def blocks(power: Array) -> Array:
    """Means of [frames, bands] over the frames that each row of a trunk with ``BLOCK`` frames a row is centred on."""
    edges = np.maximum(np.arange(-(-len(power) // BLOCK)) * BLOCK - BLOCK // 2, 0)
    counts = np.diff(edges, append=len(power)).astype(np.float32)
    return np.asarray(np.add.reduceat(power, edges) / counts[:, None], np.float32)


def _equaliser(bands: int, generator: np.random.Generator) -> Array:
    """A few cosines over frequency, as power."""
    place, waves = np.linspace(0, np.pi, bands), np.arange(1, 4)[:, None]
    phase, depth = generator.uniform(0, 2 * np.pi, (3, 1)), generator.normal(0, 0.25, (3, 1))
    return (10 ** (depth * np.cos(waves * place + phase)).sum(0)).astype(np.float32)
