"""Stems of a MIDI piece: the same part of every channel, one after another, so that one rendering holds all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mido
import numpy as np

from musicfeat_trainer.data.midi import dropped

TICKS, TEMPO = 480, 500_000
"""Ticks of a quarter note and microseconds of it, in a file of stems."""
FADE = 2.5
"""Seconds behind each stem, in which its last notes fade."""
LEAST_NOTES = 8
"""Fewest notes of a channel that is a stem."""
PEDALS = (64, 66, 67, 69)

Event = tuple[float, mido.Message]
"""A message to a channel, and its time in seconds."""


@dataclass(frozen=True)
class Part:
    """Part of a MIDI piece.

    Args:
        events: all events of the piece, in time order; the part begins at 0.
        seconds: length of the part.
        channels: channels with at least ``LEAST_NOTES`` notes in the part, in order.
    """

    events: Sequence[Event]
    seconds: float
    channels: tuple[int, ...]

    @classmethod
    def drawn(cls, midi: mido.MidiFile, seconds: float, generator: np.random.Generator) -> Part | None:
        """Part of ``seconds`` from anywhere in a piece; None if the piece is shorter, or none of its channels plays."""
        events, now = list[Event](), 0.0
        for message in midi:
            now += message.time
            if hasattr(message, "channel"):
                events.append((now, message))
        if now < seconds:
            return None
        start = generator.uniform(0, now - seconds)
        events = [(time - start, message) for time, message in events]
        notes = [message.channel for time, message in events if 0 <= time < seconds and _is_struck(message)]
        channels = np.flatnonzero(np.bincount(notes, minlength=16) >= LEAST_NOTES).tolist() if notes else []
        return cls(events, seconds, tuple(channels)) if channels else None

    def stems(self, programs: Mapping[int, int]) -> mido.MidiFile:
        """Stems of all channels as one file; stem i begins at ``i * (seconds + FADE)``.

        Args:
            programs: General MIDI programs of some channels; the others have the piece's own.
        """
        track, last = mido.MidiTrack(), 0
        for number, channel in enumerate(self.channels):
            for time, message in self._stem(channel, programs):
                tick = round((number * (self.seconds + FADE) + time) * TICKS * 1_000_000 / TEMPO)
                track.append(message.copy(time=tick - last))
                last = tick
        return mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track])

    def _stem(self, channel: int, programs: Mapping[int, int]) -> Iterator[Event]:
        """Events of one channel within the part; what was set before it is set at its beginning."""
        if channel in programs:
            yield 0.0, mido.Message("program_change", channel=channel, program=programs[channel])
        sounding: set[int] = set()
        for time, message in self.events:
            if message.channel != channel or not self._counts(time, message) or dropped(message, programs, drums=True):
                continue
            if message.type in {"note_on", "note_off"}:
                (sounding.add if _is_struck(message) else sounding.discard)(message.note)
            yield max(0.0, time), message
        yield from ((self.seconds, message) for message in _silence(channel, sounding))

    def _counts(self, time: float, message: mido.Message) -> bool:
        """Whether an event is heard in the part: no note is struck before it, and nothing happens after it."""
        return time < self.seconds and not (time < 0 and _is_struck(message))


def _silence(channel: int, notes: Iterable[int]) -> Iterator[mido.Message]:
    """Messages that end all notes of a channel."""
    for note in sorted(notes):
        yield mido.Message("note_off", channel=channel, note=note)
    for pedal in PEDALS:
        yield mido.Message("control_change", channel=channel, control=pedal, value=0)


def _is_struck(message: mido.Message) -> bool:
    return message.type == "note_on" and message.velocity > 0
