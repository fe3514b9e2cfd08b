"""Sounds in which duplicates are hard to tell: loops at one tempo, recorded notes and other short sounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from _table import data_folder
from copies import RATE
from sounds import Wave, free_rows, recipe_of, table

from musicfeat import Extractor
from musicfeat.sound.audio import load

BEAT = RATE // 2
"""Samples of a beat at 120 beats a minute, the tempo of all loops."""
BAR = 4 * BEAT
STEPS = 16
"""Steps of a bar on which drums play."""
KIT = ("bass-drum", "snare-drum", "chinese-hand-cymbals", "woodblock")
DENSITY = (0.3, 0.2, 0.4, 0.2)
"""Share of steps on which each drum of the kit plays."""
BARS = 6


def drum_loops(count: int) -> Iterator[Wave]:
    """A bar of recorded drums, repeated: every loop by the same drums, as from one drum machine."""
    kit = [_hit(name) for name in KIT]
    for number in range(count):
        generator = np.random.default_rng((0, number))
        bar = np.zeros(BAR, np.float32)
        for drum, density in zip(kit, DENSITY, strict=True):
            plays = generator.random(STEPS) < density
            plays[0] |= drum is kit[0]
            for step in np.flatnonzero(plays):
                bar += np.roll(drum, int(step) * BAR // STEPS)  # what rings on is heard in the next bar
        yield np.tile(0.7 * bar / np.abs(bar).max(), BARS)


def _hit(name: str) -> Wave:
    """A recorded drum as long as a bar."""
    path = sorted((data_folder() / "notes" / "percussion").glob(f"{name}*"))[0]
    sound = load(path, rate=RATE)[:BAR]
    return np.pad(sound, (0, BAR - len(sound))) / np.abs(sound).max()


def melody_loops(count: int) -> Iterator[Wave]:
    """A bar of eight notes of one guitar, repeated."""
    notes = [load(path, rate=RATE)[:BAR] for path in sorted((data_folder() / "notes" / "guitar").iterdir())[:24]]
    for number in range(count):
        generator = np.random.default_rng((1, number))
        bar = np.zeros(BAR, np.float32)
        for step in range(8):
            note = notes[generator.integers(len(notes))]
            bar += np.roll(np.pad(note, (0, BAR - len(note))) / np.abs(note).max(), step * BAR // 8)
        yield np.tile(0.7 * bar / np.abs(bar).max(), BARS)


def music_loops(count: int) -> Iterator[Wave]:
    """The same two seconds of a track, repeated; four different loops of each track."""
    root = data_folder() / "music"
    held_out = recipe_of(Extractor().card)["data"]["test_sources"]
    rows = [row for row in free_rows(root) if row["source"] in held_out]
    for number in range(count):
        wave = load(root / rows[number // 4]["path"], rate=RATE)
        start = (2 + number % 4) * BAR
        yield np.tile(wave[start : start + BAR], BARS)


def notes(count: int) -> Iterator[Wave]:
    """Recorded single notes, evenly spread over the instruments."""
    root = data_folder() / "notes"
    return _spread([root / row["path"] for row in table(root / "notes.csv")], count)


def clips(count: int) -> Iterator[Wave]:
    """Environmental sounds of 5 s."""
    return _spread(sorted((data_folder() / "esc10").glob("*/*.*")), count)


def _spread(paths: list[Path], count: int) -> Iterator[Wave]:
    for place in np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int):
        yield load(paths[place], rate=RATE)


SOUNDS: dict[str, Callable[[int], Iterator[Wave]]] = {
    "loops of one drum kit": drum_loops,
    "loops of one guitar": melody_loops,
    "loops cut from music": music_loops,
    "recorded notes": notes,
    "ESC-10": clips,
}
