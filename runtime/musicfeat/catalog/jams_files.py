"""Findings of a catalog as JAMS, one file per track (Humphrey et al., ISMIR 2014); see https://jams.readthedocs.io."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from musicfeat import __version__
from musicfeat.catalog.findings import Found, findings
from musicfeat.catalog.names import to_text
from musicfeat.catalog.reader import OK, Catalog, vectors
from musicfeat.catalog.tracks import Tracks
from musicfeat.errors import CatalogError
from musicfeat.files import writing

EXTRA = "pip install 'musicfeat[jams]'"


def write_jams(catalog: Catalog, folder: Path, *, embeddings: bool = False) -> Iterator[Path]:
    """Write a file for each track of a catalog, named by the track's number and name.

    Annotations are ``tag_open``, the whole track's tags and taught heads with their probabilities as confidence;
    ``segment_open``, the strongest tag of each window; ``vector``, the embedding of each window, if wanted.

    Raises:
        CatalogError: a part is damaged, or the package jams is missing.
        InputError: the folder cannot be written.
    """
    jams = package()
    tracks = Tracks(catalog)
    for number, found in enumerate(findings(catalog)):
        made = _made(jams, catalog, found, tracks.row(number), embeddings)
        target = folder / f"{number + 1:06}-{Path(found.path).stem[:80]}.jams"
        with writing(target) as temporary:
            made.save(str(temporary))
        yield target


def package() -> Any:
    """The package jams, or CatalogError if it is missing."""
    try:
        import jams
    except ModuleNotFoundError as error:
        raise CatalogError(f"JAMS files need {error.name}: {EXTRA}") from error
    return jams


def _made(jams: Any, catalog: Catalog, found: Found, row: Mapping[str, Any], embeddings: bool) -> Any:
    made = jams.JAMS()
    made.file_metadata.duration = found.duration
    made.file_metadata.title, made.file_metadata.artist = row["title"] or "", row["artist"] or ""
    made.file_metadata.release = row["album"] or ""
    made.file_metadata.identifiers = jams.Sandbox(musicbrainz=row["mb_recording_id"] or "", file=to_text(found.path))
    settings = catalog.settings
    whole = {"time": 0.0, "duration": found.duration}
    for name, values in {"tags": dict(found.ranked()), **found.heads}.items():
        if values:
            data = [{**whole, "value": label, "confidence": round(value, 4)} for label, value in values.items()]
            made.annotations.append(annotation(jams, "tag_open", data, found.duration, settings.model, name))
    columns = ["start", "end", *(["tags"] if settings.labels else []), *(["embedding"] if embeddings else [])]
    rows = catalog.table(columns, OK & (ds.field("path") == to_text(found.path)))
    times = [
        {"time": row["start"], "duration": row["end"] - row["start"]} for row in rows.select(columns[:2]).to_pylist()
    ]
    if settings.labels:
        data = [time | best for time, best in zip(times, _strongest(rows), strict=True)]
        made.annotations.append(annotation(jams, "segment_open", data, found.duration, settings.model, "tags"))
    if embeddings:
        data = [time | {"value": v.tolist(), "confidence": None} for time, v in zip(times, vectors(rows), strict=True)]
        made.annotations.append(annotation(jams, "vector", data, found.duration, settings.model, "embedding"))
    return made


def _strongest(rows: pa.Table) -> list[dict[str, Any]]:
    """The most probable tag of each window."""
    column = rows.column("tags").combine_chunks()
    labels = [field.name for field in column.type]
    values = np.stack([np.asarray(part, np.float32) for part in column.flatten()], axis=1)
    best = values.argmax(axis=1)
    return [
        {"value": labels[label], "confidence": round(float(value), 4)}
        for label, value in zip(best.tolist(), values.max(axis=1), strict=True)
    ]


def annotation(jams: Any, kind: str, data: list[dict[str, Any]], duration: float, model: str, what: str) -> Any:
    """An annotation of a whole track; ``what`` tells the rule by which the model found its data."""
    about = jams.AnnotationMetadata(
        data_source="program", annotation_tools=f"musicfeat {__version__}", annotation_rules=what, corpus=model
    )
    annotation = jams.Annotation(kind, annotation_metadata=about, time=0.0, duration=duration)
    for one in data:
        annotation.append(**one)
    return annotation
