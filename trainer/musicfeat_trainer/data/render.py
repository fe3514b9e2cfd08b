"""MIDI rendered through sound fonts: lossless music whose instruments are known exactly.

A rendered collection is a folder of audio like any other: ``FONT/SOURCE/NAME.flac``, with the notes of each file
beside it as ``NAME.npy``, and one ``tracks.csv``.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from tqdm import tqdm

from musicfeat.errors import InputError
from musicfeat.files import replacing
from musicfeat_trainer.data.midi import Notes, notes_of, read, reorchestrated

GAIN, TIMEOUT, LEAST_SECONDS = 0.4, 300, 45.0
FIRST_SEED = 7
"""Seed of the first rendition's instruments; each further rendition has the next one."""


@dataclass(frozen=True)
class Rendering:
    """One MIDI file through one sound font; ``seed`` draws its instruments and the part that is kept."""

    midi: Path
    font: Path
    target: Path
    seed: int
    seconds: float
    rate: int


def list_midi(root: Path) -> list[tuple[str, str]]:
    """Paths below ``root`` and sources of the files that ``root``/midi.csv names.

    A source is the first folder of a path; collections of many composers name them before an underscore, and
    each such composer is a source of its own.
    """
    table = root / "midi.csv"
    if not table.is_file():
        raise InputError(f"no MIDI files listed at {table}: set `midi` in the recipe's [rendered] section")
    with table.open(newline="", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    return [(path, source_of(path)) for path in paths]


def source_of(path: str) -> str:
    """Source: ``mutopia/bachjs_bwv601.mid`` -> ``mutopia/bachjs``, ``freedoom/d_bunny.mid`` -> ``freedoom``."""
    folder, _, name = path.partition("/")
    return f"{folder}/{name.split('_')[0]}" if folder == "mutopia" else folder


def render_all(
    root: Path, fonts: Sequence[Path], folder: Path, held_out: Sequence[str], seconds: float, rate: int, renditions: int
) -> None:
    """Render every file whose source is not ``held_out`` through every font into ``folder``; resumable after a kill.

    Each file is rendered ``renditions`` times, with other instruments each time.

    Raises:
        InputError: FluidSynth, a font or the MIDI files are missing, or no file yields sound.
    """
    need_fluidsynth(fonts)
    files = [(path, source) for path, source in list_midi(root) if source not in held_out]
    jobs, sources = [], []
    for (path, source), font, number in product(files, fonts, range(1, renditions + 1)):
        name = path[:-4] + (f".{number}" if number > 1 else "")
        target, seed = folder / font.stem / f"{name}.flac", _seed(number, font, path)
        jobs.append(Rendering(root / path, font, target, seed, seconds, rate))
        sources.append(source)
    with ProcessPoolExecutor() as pool:
        done = list(tqdm(pool.map(render, jobs, chunksize=4), total=len(jobs), desc="render"))
    heard = zip(jobs, sources, done, strict=True)
    list_rendered(folder, [(job.target, source) for job, source, good in heard if good], root, fonts)


def list_rendered(folder: Path, rendered: Sequence[tuple[Path, str]], root: Path, fonts: Sequence[Path]) -> None:
    """Write ``folder``/tracks.csv of rendered files and their sources.

    Raises:
        InputError: there is none.
    """
    if not rendered:
        names = ", ".join(font.name for font in fonts)
        raise InputError(f"no MIDI file of {root} sounds through {names}: choose sound fonts of General MIDI")
    with replacing(folder / "tracks.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "source"])
        table.writerows([target.relative_to(folder).as_posix(), source] for target, source in rendered)


def need_fluidsynth(fonts: Sequence[Path]) -> None:
    """Raise InputError unless FluidSynth is there and all fonts are sound fonts."""
    if not shutil.which("fluidsynth"):
        raise InputError("rendering needs the program `fluidsynth`: install it (Debian: apt install fluidsynth)")
    if missing := [str(font) for font in fonts if not font.is_file()]:
        raise InputError(f"no sound font at {', '.join(missing)}: install it, or name another in the recipe")
    if wrong := [str(font) for font in fonts if not _is_font(font)]:
        raise InputError(f"{', '.join(wrong)} is no sound font (.sf2 or .sf3); FluidSynth would play another instead")


def _is_font(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return (head[:4], head[8:]) == (b"RIFF", b"sfbk")


def _seed(number: int, font: Path, path: str) -> int:
    return zlib.crc32(f"{FIRST_SEED - 1 + number} {font.stem} {path}".encode())


def render(job: Rendering) -> bool:
    """Write the audio and the notes of one rendering; return False if the piece is unreadable or too short."""
    if job.target.exists():
        return True
    generator = np.random.default_rng(job.seed)
    try:
        midi = reorchestrated(read(job.midi), generator)
        with tempfile.TemporaryDirectory() as folder:
            changed = Path(folder) / "piece.mid"
            midi.save(changed)
            wave = synthesise(changed, job.font, job.rate, Path(folder))
    except (InputError, subprocess.SubprocessError, ValueError):
        return False
    sounds = np.flatnonzero(np.abs(wave) > 1e-3)
    if not len(sounds) or (sounds[-1] - sounds[0]) < LEAST_SECONDS * job.rate:
        return False
    wave, start = _part(wave[: sounds[-1]], sounds[0], job, generator)
    save(job.target, wave, shifted(notes_of(midi), start / job.rate, len(wave) / job.rate), job.rate)
    return True


def save(target: Path, wave: npt.NDArray[np.float32], notes: Notes, rate: int) -> None:
    """Write a rendering, no louder than full scale, with its notes beside it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target.with_suffix(".npy"), notes)
    with replacing(target) as temporary:
        soundfile.write(temporary, wave / max(1.0, float(np.abs(wave).max())), rate, "PCM_16", format="FLAC")


def _part(
    wave: npt.NDArray[np.float32], first: int, job: Rendering, generator: np.random.Generator
) -> tuple[npt.NDArray[np.float32], int]:
    length = round(job.seconds * job.rate)
    start = int(generator.integers(first, max(first + 1, len(wave) - length)))
    return wave[start : start + length], start


def shifted(notes: Notes, start: float, length: float) -> Notes:
    """Notes of ``length`` seconds of a piece from ``start`` on, with times counted from there."""
    moved = notes - np.array([start, start, 0, 0], dtype=np.float32)
    return moved[(moved[:, 1] > 0) & (moved[:, 0] < length)]


def synthesise(midi: Path, font: Path, rate: int, folder: Path) -> npt.NDArray[np.float32]:
    """FluidSynth's rendering of a file, mixed to mono."""
    target = folder / "piece.wav"
    command = ["fluidsynth", "-niq", "-g", str(GAIN), "-r", str(rate), "-O", "float", "-F", str(target)]
    command += ["-o", "synth.dynamic-sample-loading=yes"]  # decode the samples that sound, not the whole font
    subprocess.run([*command, str(font), str(midi)], check=True, capture_output=True, timeout=TIMEOUT)
    return soundfile.read(target, dtype="float32", always_2d=True)[0].mean(axis=1)


def performed(path: Path, font: Path, rate: int) -> npt.NDArray[np.float32]:
    """Sound of a MIDI file as it is, mono, [samples] within -1 to 1, as long as its events and its piano roll.

    Raises:
        InputError: the file is not MIDI, FluidSynth or the font is missing, or FluidSynth fails.
    """
    need_fluidsynth([font])
    length = round(read(path).length * rate)
    with tempfile.TemporaryDirectory() as folder:
        try:
            wave = synthesise(path, font, rate, Path(folder))[:length]
        except (OSError, subprocess.SubprocessError, soundfile.SoundFileError) as error:
            raise InputError(
                f"FluidSynth cannot play {path} through {font} at {rate} Hz, of 8000 to 96000: {error}"
            ) from error
    return np.pad(wave, (0, length - len(wave))) / max(1.0, float(np.abs(wave).max(initial=0.0)))
