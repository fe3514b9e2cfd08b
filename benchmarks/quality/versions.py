"""Versions of music with edits whose places are known, changed as a whole afterwards."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from sounds import Wave

from musicfeat.versions.edits import Edit, Span

RATE = 44100
FADE = 220
"""Samples of a fade from one piece to the next: 5 ms."""
KINDS = ("cut", "inserted", "moved", "repeated", "reversed", "speed changed")
Change = Callable[[Wave, np.random.Generator], tuple[Wave, float]]
"""Function from a wave to the changed wave and the speed that it now plays at."""


@dataclass
class Piece:
    """Consecutive samples of a version: those of the original from start to end, or others."""

    start: int
    end: int
    kind: str = "kept"
    wave: Wave | None = None
    speed: float = 1.0


def mp3(wave: Wave, _: np.random.Generator) -> tuple[Wave, float]:
    """Coded at 128 kbit/s for a stereo track's 44.1 kHz: 64 kbit/s for the one channel here."""
    return coded(np.stack([wave, wave], 1), "MP3", None, bitrate_mode="CONSTANT", compression_level=0.6), 1.0


def mp3_at_another_speed(wave: Wave, generator: np.random.Generator) -> tuple[Wave, float]:
    """3 % faster or slower, then coded."""
    speed = 1.03 ** generator.choice([-1, 1])
    return mp3(soxr.resample(wave, RATE * speed, RATE), generator)[0], float(speed)


def levelled(wave: Wave, generator: np.random.Generator) -> tuple[Wave, float]:
    """Equalised by a random tilt and ripple of 6 dB, compressed, quieter, coded to Ogg Vorbis."""
    spectrum = np.fft.rfft(wave)
    octaves = np.log2(np.maximum(np.linspace(0, RATE / 2, len(spectrum)), 30) / 1000)
    decibels = 6 * np.sin(octaves * generator.uniform(0.5, 1.5) + generator.uniform(0, 6))
    wave = np.fft.irfft(spectrum * 10 ** (decibels / 20), len(wave)).astype(np.float32)
    wave = np.tanh(2 * wave / np.abs(wave).max()).astype(np.float32) * np.float32(0.3)
    return coded(wave, "OGG", "VORBIS"), 1.0


def coded(wave: Wave, kind: str, subtype: str | None, **how: object) -> Wave:
    """A wave written and read again."""
    held = io.BytesIO()
    channels = 1 if wave.ndim == 1 else wave.shape[1]
    with soundfile.SoundFile(held, "w", RATE, channels, subtype, format=kind, **how) as file:
        for start in range(0, len(wave), RATE):  # libsndfile's Vorbis fails with all at once
            file.write(wave[start : start + RATE])
    held.seek(0)
    found = soundfile.read(held, dtype="float32", always_2d=True)[0]
    return found.mean(axis=1)


CHANGES: dict[str, Change] = {
    "MP3, 128 kbit/s": mp3,
    "3 % of speed, MP3": mp3_at_another_speed,
    "equalised, compressed, Vorbis": levelled,
}


def edited(wave: Wave, other: Wave, kinds: list[str], generator: np.random.Generator) -> tuple[Wave, list[Edit]]:
    """A version with one edit of each kind, and the true edit list, in seconds."""
    room = len(wave) // len(kinds)
    pieces: list[Piece] = []
    for number, kind in enumerate(kinds):
        begin = number * room
        length = round(RATE * (generator.uniform(6, 12) if kind == "speed changed" else generator.uniform(0.5, 8)))
        length = min(length, room // 3)
        at = begin + int(generator.uniform(RATE * 2, room - 2 * length - 2 * RATE))
        pieces += _edit(kind, begin, at, length, begin + room, other, generator)
    pieces = list(_merged([piece for piece in pieces if piece.wave is not None or piece.end > piece.start]))
    return _rendered(wave, pieces), _truth(pieces)


def _edit(
    kind: str, begin: int, at: int, length: int, end: int, other: Wave, generator: np.random.Generator
) -> list[Piece]:
    """The pieces of one stretch of the original, from begin to end, with one edit in it."""
    stop, before = at + length, Piece(begin, at)
    if kind == "cut":
        return [before, Piece(stop, end)]
    if kind == "inserted":
        start = int(generator.uniform(0, len(other) - length))
        return [before, Piece(at, at, kind, other[start : start + length]), Piece(at, end)]
    if kind == "repeated":
        return [before, Piece(at, stop), Piece(at, stop, kind), Piece(stop, end)]
    if kind == "moved":
        later = int(generator.uniform(stop + RATE, end - RATE)) if end - stop > 2.2 * RATE else end
        later = max(later, stop + min(2 * length, end - stop))  # what moves is the shorter of the two
        return [before, Piece(stop, later), Piece(at, stop, kind), Piece(later, end)]
    speed = float(generator.choice([0.95, 0.97, 1.03, 1.05])) if kind == "speed changed" else 1.0
    return [before, Piece(at, stop, kind, speed=speed), Piece(stop, end)]


def _merged(pieces: list[Piece]) -> Iterator[Piece]:
    """Pieces, kept neighbours joined."""
    held = pieces[0]
    for piece in pieces[1:]:
        if held.kind == piece.kind == "kept" and held.end == piece.start:
            held = Piece(held.start, piece.end)
        else:
            yield held
            held = piece
    yield held


def _rendered(wave: Wave, pieces: list[Piece]) -> Wave:
    """The pieces' sound, each joined to the next by a fade of 5 ms."""
    made = np.zeros(0, np.float32)
    for piece in pieces:
        part = wave[piece.start : piece.end] if piece.wave is None else piece.wave
        part = part[::-1] if piece.kind == "reversed" else part
        part = soxr.resample(part, RATE * piece.speed, RATE) if piece.speed != 1 else part.copy()
        ramp = np.linspace(0, 1, FADE, dtype=np.float32)
        if len(made):
            made[-FADE:] *= ramp[::-1]
            part[:FADE] *= ramp
        made = np.concatenate([made, part])
    return made


def _truth(pieces: list[Piece]) -> list[Edit]:
    edits, place, moved = list[Edit](), 0.0, {piece.start for piece in pieces if piece.kind == "moved"}
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        length = (piece.end - piece.start) / RATE if piece.wave is None else len(piece.wave) / RATE
        span = Span(place, place + length / piece.speed)
        place = span.end
        if piece.kind != "kept":
            edits.append(Edit(piece.kind, Span(piece.start / RATE, piece.end / RATE), span, piece.speed))  # type: ignore[arg-type]
        elif following and following.kind == "kept" and following.start > piece.end and piece.end not in moved:
            edits.append(Edit("cut", Span(piece.end / RATE, following.start / RATE), Span(place, place)))
    return edits
