"""What runs in a worker process: files in, results out. Neither pyarrow nor anything of the catalog's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from musicfeat.card import ModelCard
from musicfeat.errors import AudioError, ModelError, MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.features import Features

STORED = ("reversal", "jigsaw", "tags")
"""Outputs that a catalog can hold beside the embedding."""
State = tuple[int | None, int | None]
"""Size in bytes and time of change in microseconds, the finest that Python's own times hold."""
LATEST_US = 253_402_300_799_000_000
"""The end of the year 9999; what lies beyond counts as that."""


@dataclass(frozen=True)
class ModelOptions:
    """How a worker opens its model; small and picklable, which a model is not."""

    model: str | os.PathLike[str] | None = None
    device: str = "cpu"
    hop: float | None = None
    outputs: tuple[str, ...] | None = None
    """Some of ``STORED``; None is all that the model has."""

    def open(self, threads: int = 1) -> Extractor:
        """The model, cut down to what is stored."""
        wanted = STORED if self.outputs is None else self.outputs
        try:
            return Extractor(self.model, self.device, threads, self.hop, outputs=wanted)
        except ModelError:
            if self.outputs is not None:
                raise
        whole = Extractor(self.model, self.device, threads, self.hop)  # it has not all that can be stored
        wanted = tuple(name for name in STORED if name in whole.card.outputs)
        return Extractor(self.model, self.device, threads, self.hop, outputs=wanted)


class Description(NamedTuple):
    """What the catalog must know of the model."""

    card: ModelCard
    dimension: int
    """Numbers of an embedding."""
    hop: float
    """Seconds."""
    outputs: tuple[str, ...]
    """"embedding" and some of ``STORED``."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file: features or an error."""

    path: str
    size: int | None = None
    mtime_us: int | None = None
    sha256: str | None = None
    features: Features | None = None
    error: str | None = None


class Embedder:
    """Embeds files with one opened model, on one core."""

    def __init__(self, options: ModelOptions) -> None:
        self._extractor = options.open()

    def describe(self) -> Description:
        """Facts of the opened model."""
        outputs = tuple(name for name in ("embedding", *STORED) if name in self._extractor.session.outputs)
        return Description(self._extractor.card, self._extractor.dimension, self._extractor.hop, outputs)

    def __call__(self, paths: Sequence[str]) -> list[FileResult]:
        """A result for each file, in order; short files share the model's batches."""
        before = [_identify(path) for path in paths]
        readable = [result.path for result in before if not result.error]
        found = iter(self._extractor.map(readable, decode_ahead=False))
        return [result if result.error else _with(result, next(found)) for result in before]


def state(path: str) -> State:
    """Size and time of change of a file, None for one that cannot be reached."""
    try:
        now = os.stat(path)
    except (OSError, ValueError):
        return None, None
    return now.st_size, min(max(now.st_mtime_ns // 1000, 0), LATEST_US)


def failed(path: str, message: object, size: int | None, mtime_us: int | None, sha256: str | None = None) -> FileResult:
    """The result of a file without features; names in the message may hold bytes that are no text."""
    return FileResult(path, size, mtime_us, sha256, error=str(message).encode(errors="backslashreplace").decode())


def _identify(path: str) -> FileResult:
    before = state(path)
    try:
        if os.path.isdir(path):
            return failed(path, f"{path} is a folder: one that may not be searched, or is listed as a file", *before)
        if os.path.exists(path) and not os.path.isfile(path):  # opening a pipe would wait for ever
            return failed(path, f"{path} is not a regular file", *before)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        return failed(path, f"{path} cannot be opened: {error}", *before)
    return FileResult(path, *before, digest)


def _with(result: FileResult, found: Features | MusicfeatError) -> FileResult:
    """The result of a file that did not change while it was read."""
    known, now = (result.size, result.mtime_us), state(result.path)
    if now == (None, None):
        found = AudioError(f"{result.path} vanished while it was read")
    elif now != known:
        found = AudioError(f"{result.path} changed while it was read: run again when it is complete")
    if isinstance(found, MusicfeatError):
        return failed(result.path, found, *known, result.sha256)
    return FileResult(result.path, *known, result.sha256, features=found)
