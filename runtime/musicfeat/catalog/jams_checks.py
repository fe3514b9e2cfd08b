"""Findings of a check as JAMS, one file per track (Humphrey et al., ISMIR 2014)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from musicfeat.catalog.check import Verdict
from musicfeat.catalog.jams_files import annotation, package
from musicfeat.files import writing


def write_check_jams(verdicts: Iterable[Verdict], folder: Path, model: str) -> int:
    """Write a file for each track with findings, named by a number and the track's name; return their number.

    Each channel that was judged by itself has an annotation ``segment_open``, and all that were heard as one have one:
    kinds as values, probabilities as confidence; a cut has no duration.

    Raises:
        CatalogError: the package jams is missing.
        InputError: the folder cannot be written.
    """
    jams = package()
    count = 0
    for verdict in verdicts:
        count += 1
        target = folder / f"{count:06}-{Path(verdict.path).stem[:80]}.jams"
        with writing(target) as temporary:
            _made(jams, verdict, model).save(str(temporary))
    return count


def _made(jams: Any, verdict: Verdict, model: str) -> Any:
    made = jams.JAMS()
    made.file_metadata.duration = verdict.duration
    made.file_metadata.title = Path(verdict.path).stem
    made.file_metadata.identifiers = jams.Sandbox(file=verdict.path)
    for channel in sorted({finding.channel or 0 for finding in verdict.findings}):
        data = [
            {"time": f.start, "duration": f.end - f.start, "value": f.kind, "confidence": round(f.probability, 4)}
            for f in verdict.findings
            if (f.channel or 0) == channel
        ]
        what = f"check, channel {channel}" if channel else "check"
        made.annotations.append(annotation(jams, "segment_open", data, verdict.duration, model, what))
    return made
