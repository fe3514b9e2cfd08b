"""Beats and key signatures of a performance as ASAP annotates them, and the onsets of its notes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.data.midi import read

KEYS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
"""Tonics of the major keys of signatures; ASAP does not annotate modes."""


class Annotations(NamedTuple):
    """Annotations of a performance."""

    times: npt.NDArray[np.float64]
    """Seconds of all beats, ascending, at least two."""
    signatures: list[tuple[float, int]]
    """Key signatures: the second from which each holds, and its sharps (flats are negative); at least one."""

    def key(self, time: float) -> str:
        """Key signature that holds at a second."""
        sharps = [number for since, number in self.signatures if since <= time] or [self.signatures[0][1]]
        return KEYS[sharps[-1] * 7 % 12]

    def tempo(self, first: float, last: float) -> float:
        """Beats per minute between two seconds, with beats counted in fractions."""
        beats = np.interp([first, last], self.times, np.arange(len(self.times)))
        return float(beats[1] - beats[0]) / (last - first) * 60


def read_annotations(table: Path) -> Annotations:
    """Read ``*_annotations.txt``.

    A line has a second, the second again and a mark, divided by tabs: ``b``, ``db`` (downbeat) or ``bR`` (a beat in
    free time), then, where they change, a time signature and the sharps of a key signature: ``db,3/4,-2``.

    Raises:
        InputError: a line has another form, or there are fewer than two beats or no key signature.
    """
    times, signatures = [], []
    try:
        for line in table.read_text().splitlines():
            time, _, mark = line.split("\t")
            fields = mark.split(",")
            times.append(float(time))
            signatures += [(float(time), int(fields[2]))] if len(fields) > 2 and fields[2] else []
    except ValueError as error:
        raise InputError(f"{table} is not an annotation of ASAP: {error}") from error
    if len(times) < 2 or not signatures:
        raise InputError(f"{table} has {len(times)} beats and {len(signatures)} key signatures, expected two and one")
    return Annotations(np.array(times), signatures)


def onsets(path: Path) -> npt.NDArray[np.float64]:
    """Seconds at which the notes of a MIDI file begin, ascending."""
    now, found = 0.0, []
    for message in read(path):
        now += message.time
        if message.type == "note_on" and message.velocity:
            found.append(now)
    return np.array(found)
