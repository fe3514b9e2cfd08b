"""Tracks of a catalog that seem spliced, or seem to play backwards as a whole or for a while.

Reversed stretches are read from the stored ``reversal``, cuts from the stored ``edits``. Catalogs of models without
curves have none of these: their cuts are found by decoding the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from musicfeat.catalog.names import to_path
from musicfeat.catalog.reader import Catalog
from musicfeat.errors import AudioError, CatalogError, InputError, MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.suspicion import Finding, Track, heard, reversals, splices

__all__ = ["Finding", "Track", "Verdict", "check", "reversals", "splices", "tracks"]

COLUMNS = ("path", "duration", "window", "start", "end", "reversal")


@dataclass(frozen=True)
class Verdict:
    """Findings in one track."""

    path: str
    findings: tuple[Finding, ...]
    """Findings in time order."""
    error: MusicfeatError | None = None
    """Error that kept the file from being read again."""
    duration: float = 0.0
    """Length of the track in seconds."""


def check(catalog: Catalog, extractor: Extractor | None = None, least: float = 0.5) -> Iterator[Verdict]:
    """Verdict on every track, in memory that does not grow with the catalog.

    Args:
        catalog: a catalog of windows, or one of tracks, which cannot show a stretch that plays backwards.
        extractor: reads the files again and finds cuts, if the catalog holds none; None leaves cuts out then.
        least: least probability of a finding.

    Raises:
        CatalogError: the catalog holds no ``reversal``, or cannot be read.
        ModelError: the extractor has no ``successor``.
    """
    if "reversal" not in catalog.settings.outputs:
        raise CatalogError(f"{catalog.folder} holds no reversal, only {catalog.settings.outputs}: embed again with it")
    for track in tracks(catalog):
        found, error = reversals(track, catalog.settings.window, least), None
        path = to_path(track.path)
        found += heard(track, found, least)
        if extractor and not catalog.settings.edits and track.duration > extractor.window:
            try:
                found += splices(path, extractor, least)
            except (AudioError, InputError) as caught:
                error = caught
        yield Verdict(path, tuple(sorted(found, key=lambda finding: finding.start)), error, track.duration)


def tracks(catalog: Catalog) -> Iterator[Track]:
    """Files of a catalog; a file whose rows are scattered is held until the last of them was read."""
    held: dict[str, Track] = {}
    for rows in _stretches(catalog.batches([*COLUMNS, *["edits"] * catalog.settings.edits])):
        track = _joined(held.pop(rows.path), rows) if rows.path in held else rows
        if track.whole:
            yield track
        else:
            held[track.path] = track
    yield from held.values()


def _stretches(batches: Iterable[pa.RecordBatch]) -> Iterator[Track]:
    """Adjacent rows of one file, batch by batch."""
    for batch in batches:
        path, duration, *columns = (batch.column(name) for name in COLUMNS)
        rows = np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1).astype(np.float64)
        changes = np.flatnonzero(np.diff(path.dictionary_encode().indices.to_numpy())) + 1
        for first, stop in pairwise([0, *changes.tolist(), len(rows)]):
            if first < stop:
                edits = _edits(batch.slice(first, stop - first))
                yield Track(path[first].as_py(), duration[first].as_py(), rows[first:stop], edits)


def _edits(rows: pa.RecordBatch) -> tuple[Finding, ...]:
    """Edits in some rows of one file; none if the catalog holds none."""
    if "edits" not in rows.schema.names:
        return ()
    return tuple(Finding(**edit) for edits in rows.column("edits").to_pylist() for edit in edits or ())


def _joined(first: Track, second: Track) -> Track:
    """Two stretches of a file, in the order of its windows."""
    rows = np.concatenate([first.rows, second.rows])
    return Track(first.path, first.duration, rows[np.argsort(rows[:, 0], kind="stable")], first.edits + second.edits)
