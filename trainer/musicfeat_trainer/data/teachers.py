"""Teachers: published taggers as ONNX files, whose answers for every patch of a file are targets to learn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from musicfeat.errors import InputError, ModelError
from musicfeat.sound.audio import load
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.section import Section, expanded

BATCH = 8

Vector = npt.NDArray[np.float32]


class TeacherConfig(Section):
    """A published tagger to learn from, in a recipe."""

    file: Path
    """ONNX file from waveform to tags and embedding, with a JSON card beside it."""
    tags: int = Field(gt=0)
    """Number of labels on the card."""
    embedding: int = Field(gt=0)
    """Width of its embedding."""


@dataclass(frozen=True)
class TeacherCard:
    """The JSON file beside a teacher's ONNX file, with its input and the meaning of its answers."""

    name: str
    sample_rate: int
    samples: int
    """Samples of one patch."""
    labels: tuple[str, ...]
    """Labels of its tags, in order."""
    embedding: int
    """Width of its embedding."""
    licence: str

    @property
    def width(self) -> int:
        """Numbers of its answer for a patch: tags, then embedding."""
        return len(self.labels) + self.embedding


def read_card(teacher: Path) -> TeacherCard:
    """Card of the teacher at ``teacher``, from the JSON file of the same name.

    Raises:
        InputError: the file is missing or incomplete.
    """
    path = teacher.with_suffix(".json")
    if not teacher.is_file() or not path.is_file():
        raise InputError(f"a teacher is an ONNX file with a JSON card beside it: {teacher} and {path} must both exist")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        sound, outputs = card["input"], card["outputs"]
        licence = str(card.get("source_and_licence", ""))
        labels, width = tuple(map(str, card["labels"])), int(outputs["embedding"][0])
        return TeacherCard(str(card["name"]), int(sound["sample_rate"]), int(sound["samples"]), labels, width, licence)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path} is no card of a teacher: {type(error).__name__} about {error}") from error


@dataclass(frozen=True)
class TeacherTargets:
    """Tags and embedding of each patch, [patches, tags + embedding] float16; patches follow one another."""

    teacher: Path

    @property
    def card(self) -> TeacherCard:
        return _card(self.teacher)

    @property
    def frame_seconds(self) -> float:
        return self.card.samples / self.card.sample_rate

    def described(self) -> dict[str, Any]:
        return {"teacher": self.card.name, "sha256": _digest(self.teacher)}

    def read(self, path: Path) -> npt.NDArray[np.float16]:
        waveform = load(path, rate=self.card.sample_rate)
        return self.answers(patches(waveform, self.card.samples)).astype(np.float16)

    def answers(self, waveforms: Vector) -> Vector:
        """Answers for patches [patches, samples] at the teacher's rate -> [patches, tags + embedding]."""
        session = _session(self.teacher)
        parts = [
            np.concatenate(session.run(["tags", "embedding"], {"waveform": waveforms[i : i + BATCH]}), axis=1)
            for i in range(0, len(waveforms), BATCH)
        ]
        return np.concatenate(parts)

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        return np.zeros((frames, self.card.width), np.float32)


def targets_of(teachers: Sequence[TeacherConfig]) -> list[TeacherTargets]:
    """Teachers of a recipe, ready to answer.

    Raises:
        InputError: a file is missing, or its card has other numbers of tags or of the embedding than the recipe.
    """
    found = [TeacherTargets(expanded(teacher.file)) for teacher in teachers]
    for teacher, targets in zip(teachers, found, strict=True):
        tags, embedding = len(targets.card.labels), targets.card.embedding
        if (tags, embedding) != (teacher.tags, teacher.embedding):
            raise InputError(
                f"{targets.teacher} has {tags} tags and an embedding of {embedding}, not {teacher.tags} and "
                f"{teacher.embedding}: correct `tags` and `embedding` of this teacher in the recipe"
            )
    return found


def patches(waveform: Vector, samples: int) -> Vector:
    """Patches [n, samples] one after another, without the rest; a shorter waveform is one patch, padded with zeros."""
    count = max(1, len(waveform) // samples)
    return np.pad(waveform, (0, max(0, samples - len(waveform))))[: count * samples].reshape(count, samples)


@cache
def _card(teacher: Path) -> TeacherCard:
    return read_card(teacher)


@cache
def _digest(teacher: Path) -> str:
    return hashlib.sha256(teacher.read_bytes()).hexdigest()


@cache
def _session(teacher: Path) -> Any:
    from musicfeat.model.ort import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(teacher), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{teacher} cannot be opened as an ONNX model: {error}") from error


class Lessons:
    """Answers of several teachers for the tracks of one collection.

    Args:
        stores: targets of each teacher, see ``TeacherTargets``.
        cards: cards of the same teachers.
    """

    def __init__(self, stores: Sequence[Store], cards: Sequence[TeacherCard]) -> None:
        self.stores = stores
        self.width = sum(card.width for card in cards)
        """Numbers of all teachers' answers for a stretch."""
        self.places: list[Mapping[str, tuple[int, int]]] = [
            {track.path: (track.start, track.frames) for track in store.tracks} for store in stores
        ]

    def window(self, path: str, start: float, end: float) -> Vector:
        """Means of answers over a stretch in seconds, [``width``]; NaN where a teacher has not heard the track."""
        if any(path not in places for places in self.places):
            return np.full(self.width, np.nan, np.float32)
        parts = [
            self._mean(store, places[path], start / store.frame_seconds, end / store.frame_seconds)
            for store, places in zip(self.stores, self.places, strict=True)
        ]
        return np.concatenate(parts)

    @staticmethod
    def _mean(store: Store, place: tuple[int, int], start: float, end: float) -> Vector:
        """Mean of patches, each weighted by its share within the stretch from ``start`` to ``end`` (in patches)."""
        first, count = place
        low = min(int(start), count - 1)
        high = max(low + 1, min(int(np.ceil(end)), count))
        numbers = np.arange(low, high)
        weights = np.minimum(numbers + 1, end) - np.maximum(numbers, start)
        weights = np.maximum(weights, 1e-3).astype(np.float32)
        return weights @ store.values[first + low : first + high].astype(np.float32) / weights.sum()

    def sample(self, most: int = 20000) -> Vector:
        """Targets of single patches spread evenly over all tracks, [patches, all teachers' widths]."""
        patches = min(len(store.values) for store in self.stores)
        rows = np.linspace(0, patches - 1, min(most, patches)).astype(int)
        return np.concatenate([store.values[rows].astype(np.float32) for store in self.stores], axis=1)
