"""Tasks of the page's worker processes: decoding, judging and drawing, each a ``Task``."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.catalog.workers.options import ModelOptions
from musicfeat.errors import InputError
from musicfeat.extractor import Extractor
from musicfeat.features import Features
from musicfeat.listen.facts import Heard
from musicfeat.report.edited import curves_of
from musicfeat.report.overview import overview
from musicfeat.sound.audio import blocks, decoded
from musicfeat.sound.waveform import Waveform
from musicfeat.suspicion import LEAST
from musicfeat.versions.comparison import compare

BACKWARDS_SECONDS = 1800
"""Longest file that is played backwards, since that takes the whole file in memory."""
PIECE_SECONDS = 10 / 3
AUDIBLE = 1e-3
"""Least root mean square of an audible piece."""


@dataclass(frozen=True)
class Task:
    """A request to a worker process."""

    kind: Literal["describe", "picture", "analyse", "edits", "backwards", "pieces", "compare"]
    path: str = ""
    other: str = ""
    """Path of the second file of a comparison."""
    count: int = 0
    """Number of pieces."""
    start: float = 0.0
    """Start of the first piece in the file, in seconds."""
    seed: int = 0


class Model(NamedTuple):
    """Facts about the model for the page."""

    name: str
    version: str
    weights_sha256: str
    outputs: tuple[str, ...]


class Judged(NamedTuple):
    """Results for a recording."""

    features: Features
    heard: Heard
    picture: dict[str, Any] | None = None


class Pieces(NamedTuple):
    """A jigsaw."""

    waves: list[bytes]
    """WAV files, shuffled."""
    duration: float
    right: tuple[int, ...]
    """Indices of the shuffled pieces, in playing order."""
    order: tuple[int, ...]
    probability: float
    """The model's probability of its order."""


def perform(options: ModelOptions, task: Task) -> Any:
    """Do a task in a worker process.

    Raises:
        AudioError: the file cannot be decoded.
        InputError: the file is too short or too long for the task.
        ModelError: the model cannot be opened.
    """
    if task.kind == "describe":
        return describe(options)
    if task.kind == "picture":
        return overview(task.path).packed()
    if task.kind == "analyse":
        return analyse(options, task.path)
    if task.kind == "edits":
        return edits(_model(options), task.path)
    if task.kind == "compare":
        return compare(task.path, task.other)
    return backwards(options, task.path) if task.kind == "backwards" else pieces(options, task)


@cache
def _model(options: ModelOptions) -> Extractor:
    return Extractor(options.model, options.device, hop=options.hop)


def describe(options: ModelOptions) -> Model:
    """The facts about the model."""
    card = _model(options).card
    return Model(card.name, card.version, card.weights_sha256, card.outputs)


def analyse(options: ModelOptions, path: str) -> Judged:
    """Features of a file, its edits and its picture."""
    model = _model(options)
    found = model(path)
    heard = _heard(found) if found.cuts else edits(model, path) if found.duration > model.window else Heard()
    return Judged(found, heard, overview(path).packed())


def edits(model: Extractor, path: str) -> Heard:
    """Edits in a file: from curves, read in the catalog's windows, or from joins if it is longer than a window."""
    if "cut" in model.session.outputs:
        return _heard(model(path))
    return Heard(tuple(model.continuity(path).findings(LEAST))) if "successor" in model.session.outputs else Heard()


def _heard(features: Features) -> Heard:
    return Heard(tuple(features.edits(LEAST)), curves_of(features))


def backwards(options: ModelOptions, path: str) -> Judged:
    """Features of a file played backwards."""
    model = _model(options)
    rate, played, length = model.card.sample_rate, list[Waveform](), 0
    for block in blocks(path, rate=rate):
        played.append(block)
        length += len(block)
        if length > BACKWARDS_SECONDS * rate:
            raise InputError(f"only files up to {BACKWARDS_SECONDS // 60} minutes are judged backwards: cut it first")
    found = replace(model(np.concatenate(played)[::-1], rate), path=path)
    return Judged(found, _heard(found))


def pieces(options: ModelOptions, task: Task) -> Pieces:
    """Consecutive pieces of a file, shuffled, with the model's order of them.

    Raises:
        InputError: the file ends too early, or the pieces are silent.
    """
    sound = decoded(task.path)
    size = round(PIECE_SECONDS * sound.sr)
    wave = _excerpt(sound.blocks, round(task.start * sound.sr), size * task.count)
    if len(wave) < size * task.count:
        raise InputError(f"{task.count} pieces of {PIECE_SECONDS:.1f} s need a longer file")
    cut = wave.reshape(task.count, size)
    if np.sqrt((cut.astype(np.float64) ** 2).mean(axis=1)).min() < AUDIBLE:
        raise InputError("there is nothing to hear in one of the pieces")
    places = _shuffled(task.count, task.seed)
    handed = [cut[place] for place in places]
    found = _model(options).order(handed, sound.sr)
    right = tuple(int(index) for index in np.argsort(places))
    waves = [_wav(piece, sound.sr) for piece in handed]
    return Pieces(waves, size / sound.sr, right, tuple(map(int, found.permutation)), found.probability)


def _excerpt(sound: Iterable[Waveform], start: int, length: int) -> Waveform:
    """A range of samples of a recording, decoded no further than needed."""
    taken, place = [np.zeros(0, np.float32)], 0
    for block in sound:
        taken.append(block[max(0, start - place) : max(0, start + length - place)])
        place += len(block)
        if place >= start + length:
            break
    return np.concatenate(taken)


def _shuffled(count: int, seed: int) -> npt.NDArray[np.int64]:
    """A random order of the pieces other than the right one."""
    generator = np.random.default_rng(seed)
    while True:
        places = generator.permutation(count)
        if (places != np.arange(count)).any():
            return places


def _wav(wave: Waveform, rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, wave, rate, "PCM_16", format="WAV")
    return file.getvalue()
