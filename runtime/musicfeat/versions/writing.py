"""Edit lists as text, JSON, labels of Audacity, and timelines of editors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from musicfeat.errors import InputError
from musicfeat.files import writing
from musicfeat.versions.comparison import Comparison
from musicfeat.versions.edits import Edit, Span

EXTRA = "pip install 'musicfeat[edl]'"
RATES = {".edl": 25.0, ".otio": 1000.0}
"""Units of time in a second, by suffix: frames of a CMX 3600 list, milliseconds in OpenTimelineIO."""


class Names(NamedTuple):
    """Paths of the two versions."""

    first: str
    second: str


def as_table(found: Comparison, names: Names) -> str:
    """Lines for people: the two sounds, then every entry with its times in both."""
    lines = [f"A  {_clock(found.durations[0])}  {names.first}"]
    lines += [f"B  {_clock(found.durations[1])}  {names.second}{_pace(found.speed)}", ""]
    lines.append(f"{'what':<14} {'in A':<23} in B")
    for edit in found.entries:
        pace = _pace(edit.speed).removeprefix(", ") if edit.kind == "speed changed" else ""
        lines.append(f"{edit.kind:<14} {_where(edit.first):<23} {_where(edit.second):<23} {pace}".rstrip())
    count = len(found.edits)
    return "\n".join([*lines, "", f"{count} edit{'s' * (count != 1)}; {_shared(found)}"])


def _shared(found: Comparison) -> str:
    seconds = sum(edit.second.seconds for edit in found.entries if edit.kind != "inserted")
    return f"{seconds / max(found.durations[1], 1e-9):.0%} of B is in A"


def _pace(speed: float) -> str:
    per_cent = 100 * (speed - 1)
    return f", {abs(per_cent):.1f} % {'faster' if per_cent > 0 else 'slower'}" if abs(per_cent) >= 0.05 else ""


def _where(span: Span) -> str:
    return f"{_clock(span.start)} - {_clock(span.end)}" if span.seconds else f"at {_clock(span.start)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 2), 60)
    return f"{minutes:.0f}:{rest:05.2f}"


def as_json(found: Comparison, names: Names) -> str:
    """Everything for programs, see ``described``."""
    return json.dumps(described(found, names), indent=1, ensure_ascii=False)


def described(found: Comparison, names: Names) -> dict[str, Any]:
    """Everything as plain values; times in seconds, ``first`` and ``second`` of an entry as [start, end]."""
    entries = [
        {"kind": e.kind, "first": [*e.first], "second": [*e.second], "speed": round(e.speed, 6)} for e in found.entries
    ]
    sounds = [{"path": path, "duration": seconds} for path, seconds in zip(names, found.durations, strict=True)]
    return {"first": sounds[0], "second": sounds[1], "speed": round(found.speed, 6), "entries": entries}


def write_labels(found: Comparison, names: Names, folder: Path) -> list[Path]:
    """Write a label track for each of the two sounds, with the edits at their times there, for Audacity.

    Raises:
        InputError: the folder cannot be written.
    """
    sides: tuple[tuple[str, str, Callable[[Edit], Span]], ...] = (
        ("A", names.first, lambda edit: edit.first),
        ("B", names.second, lambda edit: edit.second),
    )
    written = []
    try:
        folder.mkdir(exist_ok=True)
        for side, path, place in sides:
            spans = sorted((place(edit), edit.kind) for edit in found.edits)
            lines = [f"{span.start:.6f}\t{span.end:.6f}\t{kind}\n" for span, kind in spans]
            target = folder / f"{side} {Path(path).stem}.txt"
            target.write_text("".join(lines), encoding="utf-8", newline="\n")
            written.append(target)
    except OSError as error:
        raise InputError(f"cannot write labels to {folder}: {error}") from error
    return written


def write_timeline(found: Comparison, names: Names, target: Path) -> None:
    """Write the second sound as clips of the first, and of itself where something was inserted.

    Args:
        found: the comparison.
        names: paths of the two sounds; the timeline refers to them.
        target: a file that ends in .otio (OpenTimelineIO, in ms) or in .edl (CMX 3600, to a frame at 25 a second).

    Raises:
        InputError: another suffix, the package opentimelineio is missing, or the file cannot be written.
    """
    opentimelineio, rate = check_timeline(target), RATES[target.suffix.lower()]
    timeline = _timeline(opentimelineio, found, names, rate, video=target.suffix.lower() == ".edl")
    try:
        with writing(target) as temporary:
            opentimelineio.adapters.write_to_file(timeline, str(temporary))
    except opentimelineio.exceptions.OTIOError as error:
        raise InputError(f"cannot write {target}: {error}; {EXTRA} installs what .edl needs") from error


def check_timeline(target: Path) -> Any:
    """The package that writes a timeline, or InputError if it is missing or the suffix is another."""
    if target.suffix.lower() not in RATES:
        raise InputError(f"cannot tell the format of {target}: name a file that ends in .edl or .otio")
    try:
        import opentimelineio
    except ModuleNotFoundError as error:
        raise InputError(f"timelines need {error.name}: {EXTRA}") from error
    return opentimelineio


def _timeline(otio: Any, found: Comparison, names: Names, rate: float, video: bool) -> Any:
    """A timeline of one track of sound; with ``video``, of an empty one of pictures, too, which CMX 3600 insists on."""
    track = otio.schema.Track(name="B", kind=otio.schema.TrackKind.Audio)
    for edit in found.entries:
        if edit.second.seconds:
            track.append(_clip(otio, edit, names, rate))
    timeline = otio.schema.Timeline(name=Path(names.second).stem)
    timeline.tracks.append(track)
    if video:
        timeline.tracks.append(otio.schema.Track(name="none", kind=otio.schema.TrackKind.Video))
    return timeline


def _clip(otio: Any, edit: Edit, names: Names, rate: float) -> Any:
    """A clip as long as the entry in the second sound, at the speed and in the direction that it has there."""
    own = edit.kind == "inserted"
    path, start = (names.second, edit.second.start) if own else (names.first, edit.first.start)
    begin, end = (round(t * rate) for t in edit.second)
    span = otio.opentime.TimeRange(
        otio.opentime.RationalTime(round(start * rate), rate), otio.opentime.RationalTime(end - begin, rate)
    )
    clip = otio.schema.Clip(f"{edit.kind} {Path(path).name}", otio.schema.ExternalReference(str(path)), span)
    speed = 1.0 if own else -edit.speed if edit.kind == "reversed" else edit.speed
    if abs(speed - 1) > 5e-4:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
    return clip
