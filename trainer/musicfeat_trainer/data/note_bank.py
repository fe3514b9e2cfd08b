"""Single notes of every instrument, through sound fonts and recorded: what scores are performed on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from musicfeat.files import replacing
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.data.contents import mel_power_of
from musicfeat_trainer.data.midi import TICKS
from musicfeat_trainer.data.render import need_fluidsynth, synthesise
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.instruments import DRUM_CHANNEL, Sounds, of_program

PROGRAMS, PITCHES, KEYS = range(120), range(28, 104, 3), range(35, 82)
"""General MIDI programs but for its noises; what they play; the keys of the drum kit."""
HELD, RINGING = 3.5, 1.0
"""Seconds that a note is held, and heard after it was let go."""
VELOCITY = 100

Power = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Instrument:
    """Notes of one instrument, or the keys of one drum kit."""

    sounds: Sounds
    """What it is of the 20; empty for a drum kit, whose keys are instruments of their own, and for all others."""
    pitches: npt.NDArray[np.int64]
    """[notes], in MIDI numbers."""
    notes: Sequence[Power]
    """Mel power [frames, bands] of each note."""
    held: int
    """Frames until a note is let go; what follows is its release."""


def font_instruments(font: Path, folder: Path, spec: LogMelSpec) -> tuple[list[Instrument], Instrument]:
    """All programs of a sound font, and its drum kit; its notes are rendered into ``folder`` where they are missing.

    Raises:
        InputError: FluidSynth or the font is missing.
    """
    path = folder / f"{font.stem}-{spec.n_mels}x{spec.hop}.npy"
    if not path.exists():
        _render(font, path, spec)
    notes, held = np.exp(np.load(path).astype(np.float32)), round(HELD * spec.sample_rate / spec.step)
    pitches, count = np.array(PITCHES), len(PITCHES)
    programs = [
        Instrument(of_program(program), pitches, notes[i * count : (i + 1) * count], held)
        for i, program in enumerate(PROGRAMS)
    ]
    return programs, Instrument((), np.array(KEYS), notes[len(PROGRAMS) * count :], held)


def _render(font: Path, path: Path, spec: LogMelSpec) -> None:
    """Logarithm of the power [programs * pitches + keys, frames, bands] into ``path``, written whole or not at all."""
    need_fluidsynth([font])
    path.parent.mkdir(parents=True, exist_ok=True)
    jobs = [*((program, PITCHES) for program in PROGRAMS), (None, KEYS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # FluidSynth is a process of its own
        done = pool.map(partial(_rendered, font, spec), jobs)
        notes = np.concatenate(list(tqdm(done, total=len(jobs), desc=f"notes of {font.stem}")))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, notes)


def _rendered(font: Path, spec: LogMelSpec, job: tuple[int | None, range]) -> npt.NDArray[np.float16]:
    """Logarithm of the power [notes, frames, bands] of one program, or of the drum kit where there is none."""
    program, pitches = job
    frames = round((HELD + RINGING) * spec.sample_rate / spec.step)
    with tempfile.TemporaryDirectory() as folder:
        score = Path(folder) / "notes.mid"
        _one_after_another(program, pitches, frames * spec.step / spec.sample_rate).save(score)
        wave = synthesise(score, font, spec.sample_rate, Path(folder))
    size = len(pitches) * frames * spec.step
    wave = np.pad(wave[:size], (0, max(0, size - len(wave))))
    return mel_power_of(wave, LogMel(spec)).reshape(len(pitches), frames, spec.n_mels)


def _one_after_another(program: int | None, pitches: range, apart: float) -> mido.MidiFile:
    channel, track, at = DRUM_CHANNEL if program is None else 0, mido.MidiTrack(), 0
    if program is not None:
        track.append(mido.Message("program_change", channel=channel, program=program))
    ticks = 2 * TICKS  # of a second, at the default tempo
    for i, pitch in enumerate(pitches):
        for kind, place in (("note_on", i * apart), ("note_off", i * apart + HELD)):
            message = mido.Message(kind, channel=channel, note=pitch, velocity=VELOCITY, time=round(place * ticks) - at)
            track.append(message)
            at = round(place * ticks)
    return mido.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[track])
