"""Stems of MIDI pieces rendered through sound fonts: ``FONT/SOURCE/NAME.flac``, as ``render`` lays out whole pieces.

Files of one piece hold the same part of it and the same channels, which therefore can be mixed across fonts.
"""

from __future__ import annotations

import subprocess
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from musicfeat.errors import InputError
from musicfeat_trainer.data.midi import drawn_programs, notes_of, read
from musicfeat_trainer.data.render import list_midi, list_rendered, need_fluidsynth, save, synthesise
from musicfeat_trainer.data.stems import FADE, Part


@dataclass(frozen=True)
class Piece:
    """A MIDI file below ``root`` whose stems are to be rendered, each font into its folder below ``folder``."""

    root: Path
    path: str
    fonts: Sequence[Path]
    folder: Path
    seconds: float
    rate: int


def render_stems(
    root: Path, fonts: Sequence[Path], folder: Path, held_out: Sequence[str], seconds: float, rate: int
) -> None:
    """Render stems of every file whose source is not ``held_out`` into ``folder``; resumable after a kill.

    Args:
        root: folder with midi.csv.
        fonts: sound fonts; the instruments of each rendering are drawn anew.
        folder: folder to write, with tracks.csv.
        held_out: sources that are left out.
        seconds: length of the part of each piece; shorter pieces are left out.
        rate: sample rate in Hz.

    Raises:
        InputError: FluidSynth, a font or the MIDI files are missing, or no file yields sound.
    """
    need_fluidsynth(fonts)
    files = [(path, source) for path, source in list_midi(root) if source not in held_out]
    jobs = [Piece(root, path, fonts, folder, seconds, rate) for path, _ in files]
    with ProcessPoolExecutor() as pool:
        done = list(tqdm(pool.map(_render, jobs), total=len(jobs), desc="render stems"))
    rendered = [(target, source) for (_, source), targets in zip(files, done, strict=True) for target in targets]
    list_rendered(folder, rendered, root, fonts)


def _render(piece: Piece) -> list[Path]:
    """Files of one piece, through each font with which FluidSynth can play it."""
    try:
        midi = read(piece.root / piece.path)
    except InputError:
        return []
    part = Part.drawn(midi, piece.seconds, _generator(f"part {piece.path}"))
    if not part:
        return []
    found = []
    for font in piece.fonts:
        target = piece.folder / font.stem / f"{piece.path[:-4]}.flac"
        if not target.exists():
            programs, _ = drawn_programs(midi, _generator(f"stems {font.stem} {piece.path}"))
            try:
                _write(part, programs, font, target, piece.rate)
            except (InputError, subprocess.SubprocessError, ValueError):
                continue
        found.append(target)
    return found


def _write(part: Part, programs: Mapping[int, int], font: Path, target: Path, rate: int) -> None:
    midi = part.stems(programs)
    with tempfile.TemporaryDirectory() as folder:
        changed = Path(folder) / "stems.mid"
        midi.save(changed)
        wave = synthesise(changed, font, rate, Path(folder))
    length = round(len(part.channels) * (part.seconds + FADE) * rate)
    save(target, np.pad(wave[:length], (0, max(0, length - len(wave)))), notes_of(midi), rate)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))
