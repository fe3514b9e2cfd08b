"""Piano rolls of MIDI files: the pitches that sound in each frame, and their velocities."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import mido
import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.data.midi import read
from musicfeat_trainer.instruments import DRUM_CHANNEL

LOWEST, PITCHES = 21, 96
"""Lowest pitch A0 and eight octaves from it: all 88 keys of a piano, and eight above them."""
PEDAL, PEDAL_DOWN = 64, 64
"""Controller of the sustain pedal, and the value from which it is down."""
ROUNDING = 1e-6


class Note(NamedTuple):
    """A note: seconds of strike and silence, MIDI pitch, and velocity from 1 to 127."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class PianoRoll:
    """Velocities of all pitches, 0 for silent ones, [frames, 96] uint8; drums are left out.

    A frame holds every note that sounds in it, however briefly, and the louder of two notes of one pitch.
    """

    frame_rate: float
    """Frames a second."""

    @property
    def frame_seconds(self) -> float:
        return 1 / self.frame_rate

    def described(self) -> dict[str, Any]:
        return {"piano_roll": self.frame_rate}

    def read(self, path: Path) -> npt.NDArray[np.uint8]:
        """Roll of a MIDI file, as long as its events.

        Raises:
            InputError: the file is not MIDI, or has no pitched notes.
        """
        midi = read(path)
        found = list(notes(midi))
        if not found:
            raise InputError(f"{path} holds no notes but of drums")
        roll = np.zeros((max(1, round(midi.length * self.frame_rate)), PITCHES), np.uint8)
        for note in found:
            if LOWEST <= note.pitch < LOWEST + PITCHES:
                first = math.floor(note.start * self.frame_rate + ROUNDING)
                last = math.ceil(note.end * self.frame_rate - ROUNDING)
                cells = roll[first : max(first + 1, last), note.pitch - LOWEST]
                np.maximum(cells, note.velocity, out=cells)
        return roll

    def silence(self, frames: int) -> npt.NDArray[np.float32]:
        return np.zeros((frames, PITCHES), np.float32)


def notes(midi: mido.MidiFile) -> Iterator[Note]:
    """Notes except those of drums, in the order of their ends; the sustain pedal holds released ones."""
    keys, now = _Keys(), 0.0
    for message in midi:
        now += message.time
        if getattr(message, "channel", DRUM_CHANNEL) != DRUM_CHANNEL:
            yield from keys.after(message, now)
    yield from keys.ended(list(keys.struck), now)


class _Keys:
    """Sounding keys, by (channel, pitch)."""

    def __init__(self) -> None:
        self.struck: dict[tuple[int, int], tuple[float, int]] = {}
        self.held: set[tuple[int, int]] = set()
        self.pedals: set[int] = set()

    def after(self, message: mido.Message, now: float) -> Iterator[Note]:
        """Notes that a message ends."""
        if message.type == "control_change" and message.control == PEDAL:
            if message.value >= PEDAL_DOWN:
                self.pedals.add(message.channel)
            else:
                self.pedals.discard(message.channel)
                yield from self.ended([key for key in self.held if key[0] == message.channel], now)
        elif message.type in {"note_on", "note_off"}:
            key = (message.channel, message.note)
            struck = message.type == "note_on" and message.velocity > 0
            if not struck and message.channel in self.pedals:
                self.held |= {key} & self.struck.keys()
            else:
                yield from self.ended([key], now)
            if struck:
                self.struck[key] = (now, message.velocity)

    def ended(self, keys: list[tuple[int, int]], now: float) -> Iterator[Note]:
        """Notes of the given keys that sound, ended now."""
        for key in keys:
            self.held.discard(key)
            if key in self.struck:
                start, velocity = self.struck.pop(key)
                yield Note(start, now, key[1], velocity)
