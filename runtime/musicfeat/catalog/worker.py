"""What runs in a worker process: files in, results out. Neither pyarrow nor anything of the catalog's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from musicfeat.card import ModelCard
from musicfeat.errors import MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.features import Features

STORED = ("reversal", "jigsaw", "tags")
"""Outputs that a catalog can hold beside the embedding."""


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
        if self.outputs is not None:
            return Extractor(self.model, self.device, threads, self.hop, outputs=self.outputs)
        whole = Extractor(self.model, self.device, threads, self.hop)
        stored = tuple(name for name in STORED if name in whole.card.outputs)
        return Extractor(self.model, self.device, threads, self.hop, outputs=stored)


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
    mtime_ns: int | None = None
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


def _identify(path: str) -> FileResult:
    try:
        state = os.stat(path)
        if not os.path.isfile(path):  # opening a pipe would wait for ever
            return FileResult(path, error=f"{path} is not a regular file")
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        return FileResult(path, error=f"{path} cannot be opened: {error}")
    return FileResult(path, state.st_size, state.st_mtime_ns, digest)


def _with(result: FileResult, found: Features | MusicfeatError) -> FileResult:
    """The result of a file that did not change while it was read."""
    known = result.path, result.size, result.mtime_ns, result.sha256
    try:
        state = os.stat(result.path)
    except OSError as error:
        return FileResult(*known, error=f"{result.path} vanished while it was read: {error}")
    if (state.st_size, state.st_mtime_ns) != known[1:3]:
        return FileResult(*known, error=f"{result.path} changed while it was read: run again when it is complete")
    if isinstance(found, MusicfeatError):
        return FileResult(*known, error=str(found))
    return FileResult(*known, features=found)
