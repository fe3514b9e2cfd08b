"""The 20 instruments of OpenMIC-2018, and their sounds in General MIDI and in recorded notes.

A sound is an instrument for sure, perhaps (a string ensemble may or may not count as violin), or none of the 20.
Instruments that are perhaps there are neither taught nor scored.
"""

from __future__ import annotations

from collections.abc import Iterable

OPENMIC = (
    "accordion", "banjo", "bass", "cello", "clarinet", "cymbals", "drums", "flute", "guitar", "mallet_percussion",
    "mandolin", "organ", "piano", "saxophone", "synthesizer", "trombone", "trumpet", "ukulele", "violin", "voice",
)  # fmt: skip
"""Instruments of Humphrey, Durand and McFee, 'OpenMIC-2018', ISMIR 2018, in the data set's own order."""

DRUM_CHANNEL = 9

_PROGRAMS: dict[str, tuple[int, ...]] = {
    "accordion": (21, 23),
    "banjo": (105,),
    "bass": (*range(32, 40), 43),
    "cello": (42,),
    "clarinet": (71,),
    "flute": (72, 73),
    "guitar": tuple(range(24, 32)),
    "mallet_percussion": (9, 11, 12, 13, 114),
    "organ": tuple(range(16, 21)),
    "piano": tuple(range(6)),
    "saxophone": tuple(range(64, 68)),
    "synthesizer": (38, 39, 50, 51, 62, 63, *range(80, 104)),
    "trombone": (57,),
    "trumpet": (56, 59),
    "violin": (40, 110),
}
_PERHAPS: dict[str, tuple[int, ...]] = {
    "cello": (43, 44, 45, 48, 49),
    "drums": (47, 115, 116, 117, 118),
    "cymbals": (119,),
    "flute": tuple(range(74, 80)),
    "mallet_percussion": (8, 10, 14, 15, 108, 112),
    "organ": (22,),
    "piano": (6, 7),
    "synthesizer": (52, 53, 54, 55, 122),
    "trombone": (61,),
    "trumpet": (61,),
    "violin": (41, 44, 45, 48, 49),
    "voice": (52, 53, 54),
}
_DRUM_NOTES: dict[str, tuple[int, ...]] = {
    "cymbals": (42, 44, 46, 49, 51, 52, 53, 55, 57, 59),
    "drums": (*range(35, 42), 43, 45, 47, 48, 50, *range(60, 67)),
}
_RECORDED: dict[str, tuple[str, ...]] = {
    "banjo": ("banjo",),
    "bass": ("double_bass",),
    "cello": ("cello",),
    "clarinet": ("clarinet", "bass_clarinet"),
    "flute": ("flute",),
    "guitar": ("guitar",),
    "mandolin": ("mandolin",),
    "saxophone": ("saxophone",),
    "trombone": ("trombone",),
}
_RECORDED_PERHAPS = {"percussion": ("drums", "cymbals", "mallet_percussion")}

Sounds = tuple[tuple[int, bool], ...]
"""Pairs of an index into ``OPENMIC`` and True if it is there for sure; empty for none of the 20."""


def of_program(program: int) -> Sounds:
    """Instruments that a General MIDI program (0 to 127) sounds like."""
    sure = [(OPENMIC.index(name), True) for name, programs in _PROGRAMS.items() if program in programs]
    return (*sure, *((OPENMIC.index(name), False) for name, programs in _PERHAPS.items() if program in programs))


def of_drum(note: int) -> Sounds:
    """Instruments that a key of the General MIDI drum kit sounds like."""
    return tuple((OPENMIC.index(name), True) for name, notes in _DRUM_NOTES.items() if note in notes)


def of_recording(instrument: str) -> Sounds:
    """Instruments that one of a collection of recorded notes counts as."""
    sure = [(OPENMIC.index(name), True) for name, instruments in _RECORDED.items() if instrument in instruments]
    return (*sure, *((OPENMIC.index(name), False) for name in _RECORDED_PERHAPS.get(instrument, ())))


def columns_of(labels: Iterable[str]) -> list[int]:
    """Indices of labels among the 20."""
    return [OPENMIC.index(label) for label in labels]


def programs_of(name: str) -> tuple[int, ...]:
    """General MIDI programs that are an instrument for sure; none for some of the 20."""
    return _PROGRAMS.get(name, ())
