"""Work of a worker process: results of files, without pyarrow and without the catalog's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace

from musicfeat.catalog.credits import read_credits
from musicfeat.catalog.workers.file_state import state
from musicfeat.catalog.workers.options import STORED, Description, ModelOptions
from musicfeat.catalog.workers.result import FileResult, failed
from musicfeat.errors import AudioError, MusicfeatError
from musicfeat.features import Features


class FileEmbedder:
    """Embedder of files with one opened model, on one core."""

    def __init__(self, options: ModelOptions) -> None:
        self._extractor = options.open()

    def describe(self) -> Description:
        """Facts of the opened model."""
        outputs = tuple(name for name in ("embedding", *STORED) if name in self._extractor.session.outputs)
        return Description(self._extractor.card, self._extractor.dimension, self._extractor.hop, outputs)

    def __call__(self, paths: Sequence[str]) -> list[FileResult]:
        """Result of each file, in order; short files share the model's batches."""
        before = [_identify(path) for path in paths]
        readable = [result.path for result in before if not result.error]
        found = iter(self._extractor.map(readable, decode_ahead=False))
        return [result if result.error else _with(result, next(found)) for result in before]


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
    return FileResult(path, *before, digest, credits=read_credits(path))


def _with(result: FileResult, found: Features | MusicfeatError) -> FileResult:
    """Result of a file with its features, or with an error if it changed while it was read."""
    known, now = (result.size, result.mtime_us), state(result.path)
    if now == (None, None):
        found = AudioError(f"{result.path} vanished while it was read")
    elif now != known:
        found = AudioError(f"{result.path} changed while it was read: run again when it is complete")
    if isinstance(found, MusicfeatError):
        return replace(failed(result.path, found, *known, result.sha256), credits=result.credits)
    return replace(result, features=found)
