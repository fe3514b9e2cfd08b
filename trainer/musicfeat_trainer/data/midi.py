"""MIDI files: the notes of their instruments, and the same piece for other instruments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError
from musicfeat_trainer.instruments import DRUM_CHANNEL, OPENMIC, Sounds, of_drum, of_program, programs_of

MIDI_SUFFIXES = frozenset({".mid", ".midi"})
FAINT = 0.1
"""Least product of velocity, volume and expression, as a share of full; fainter notes are not taught."""
PIANO_SHARE, REPROGRAMMED_SHARE = 0.15, 0.6
LOW_PITCH = 50
LOW = ("bass", "cello", "trombone", "organ", "piano", "guitar", "synthesizer", "accordion")
PLAYABLE = tuple(name for name in OPENMIC if programs_of(name))

Notes = npt.NDArray[np.float32]
"""Notes [n, 4]: start and end in seconds, index into ``OPENMIC``, and 1 if the instrument is certain, else 0."""


def read(path: Path) -> mido.MidiFile:
    """Parse a MIDI file.

    Raises:
        InputError: the file is not MIDI, is damaged, or holds several pieces.
    """
    try:
        midi = mido.MidiFile(path, clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path} is not a readable MIDI file: {error}") from error
    if midi.type == 2:
        raise InputError(f"{path} is a MIDI file of type 2, whose tracks are pieces of their own: save them apart")
    return midi


def notes_of(midi: mido.MidiFile) -> Notes:
    """Notes of a piece that are, or may be, of one of the 20 instruments."""
    programs, levels = dict.fromkeys(range(16), 0), {c: {7: 100, 11: 127} for c in range(16)}
    sounding: dict[tuple[int, int], tuple[float, Sounds, bool]] = {}
    rows: list[tuple[float, float, int, bool]] = []
    now = 0.0
    for message in midi:
        now += message.time
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type == "control_change" and message.control in levels[message.channel]:
            levels[message.channel][message.control] = message.value
        elif message.type in {"note_on", "note_off"}:
            key = (message.channel, message.note)
            if key in sounding:
                start, sounds, heard = sounding.pop(key)
                rows += [(start, now, index, sure and heard) for index, sure in sounds]
            if message.type == "note_on" and message.velocity:
                level = levels[message.channel]
                heard = message.velocity * level[7] * level[11] > FAINT * 127**3
                drum = message.channel == DRUM_CHANNEL
                sounds = of_drum(message.note) if drum else of_program(programs[message.channel])
                sounding[key] = (now, sounds, heard)
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def reorchestrated(midi: mido.MidiFile, generator: np.random.Generator) -> mido.MidiFile:
    """Piece as it is, for other instruments, or for a piano alone, see ``drawn_programs``."""
    programs, drums = drawn_programs(midi, generator)
    return _reprogrammed(midi, programs, drums=drums) if programs or not drums else midi


def drawn_programs(midi: mido.MidiFile, generator: np.random.Generator) -> tuple[dict[int, int], bool]:
    """Programs by channel for a piece as it is (none), for other instruments or for a piano alone; True with drums.

    New instruments are drawn uniformly over those of the 20 that General MIDI has, so that rare ones are taught as
    often as common ones.
    """
    draw = generator.random()
    pitches = _median_pitches(midi)
    if draw < PIANO_SHARE:
        return dict.fromkeys(pitches, int(generator.integers(0, 3))), False
    if draw < PIANO_SHARE + REPROGRAMMED_SHARE:
        changed = {c: _drawn_program(p, generator) for c, p in pitches.items() if generator.random() < 0.8}
        return changed, bool(generator.random() < 0.8)
    return {}, True


def _median_pitches(midi: mido.MidiFile) -> dict[int, float]:
    pitches: dict[int, list[int]] = {}
    for track in midi.tracks:
        for message in track:
            if message.type == "note_on" and message.channel != DRUM_CHANNEL:
                pitches.setdefault(message.channel, []).append(message.note)
    return {channel: float(np.median(notes)) for channel, notes in sorted(pitches.items())}


def _drawn_program(pitch: float, generator: np.random.Generator) -> int:
    names = LOW if pitch < LOW_PITCH else tuple(name for name in PLAYABLE if name != "bass")
    return int(generator.choice(programs_of(str(generator.choice(names)))))


def _reprogrammed(midi: mido.MidiFile, programs: dict[int, int], *, drums: bool) -> mido.MidiFile:
    """Fix the programs of some channels from the beginning, and keep or drop the drum channel."""
    changed = mido.MidiFile(type=midi.type, ticks_per_beat=midi.ticks_per_beat)
    for track in midi.tracks:
        kept, waited = mido.MidiTrack(), 0
        for message in track:
            waited += message.time
            if not dropped(message, programs, drums=drums):
                kept.append(message.copy(time=waited))
                waited = 0
        changed.tracks.append(kept)
    heads = [mido.Message("program_change", channel=c, program=p, time=0) for c, p in programs.items()]
    changed.tracks[0][:0] = heads
    return changed


def dropped(message: mido.Message, programs: Mapping[int, int], *, drums: bool) -> bool:
    """Whether a message falls to other programs: it sets a program or bank of theirs, or is one of unwanted drums."""
    channel = getattr(message, "channel", None)
    if channel == DRUM_CHANNEL:
        return not drums and message.type == "note_on"
    bank = message.type == "control_change" and message.control in {0, 32}
    return channel in programs and (bank or message.type == "program_change")
