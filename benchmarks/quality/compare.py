"""Does ``musicfeat compare`` find the edits between two versions, to 0.05 s? Music that no weights were trained on.

    python benchmarks/quality/compare.py [--pairs N] [--seed N] [--sources NAME ...] [--misses]

Each pair is a track and a version of it with three edits at random places, of 0.5 to 8 s (changes of speed: 6 to 12 s),
joined within 5 ms, and then changed as a whole: coded to MP3 at 128 kbit/s, or also played 3 % faster or slower, or
equalised, compressed and coded to Opus. Copies without edits are changed alike. Music is read from $MUSICFEAT_DATA.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

sys.path.append(str(Path(__file__).parents[1]))

from _table import markdown, music_folder
from sounds import Wave, recipe_of, table

from musicfeat import Extractor
from musicfeat.versions.comparison import Comparison, compare
from musicfeat.versions.edits import Edit, Span

RATE = 44100
SECONDS, EDITS = 75.0, 3
LEAST_SECONDS = 40.0
NEAR = 0.05
KINDS = ("cut", "inserted", "moved", "repeated", "reversed", "speed changed")
FADE = 220
Change = Callable[[Wave, np.random.Generator], tuple[Wave, float]]


@dataclass
class Piece:
    """Consecutive samples of a version: those of the original from start to end, or others."""

    start: int
    end: int
    kind: str = "kept"
    wave: Wave | None = None
    speed: float = 1.0


@dataclass
class Score:
    """Counts of one kind of edit."""

    made: int = 0
    found: int = 0
    told: int = 0
    right: int = 0
    errors: list[float] = field(default_factory=list)


def mp3(wave: Wave, _: np.random.Generator) -> tuple[Wave, float]:
    """Coded at 128 kbit/s for a stereo track's 44.1 kHz: 64 kbit/s for the one channel here."""
    return coded(np.stack([wave, wave], 1), "MP3", None, bitrate_mode="CONSTANT", compression_level=0.6), 1.0


def mp3_at_another_speed(wave: Wave, generator: np.random.Generator) -> tuple[Wave, float]:
    """3 % faster or slower, then coded."""
    speed = 1.03 ** generator.choice([-1, 1])
    return mp3(soxr.resample(wave, RATE * speed, RATE), generator)[0], float(speed)


def levelled(wave: Wave, generator: np.random.Generator) -> tuple[Wave, float]:
    """Equalised by a random tilt and ripple of 6 dB, compressed, quieter, coded to Opus's kind of Ogg."""
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


def largest_error(truth: Edit, told: Edit, speed: float) -> float:
    """Greatest error of a border in seconds, in either sound; infinite for another kind of edit."""
    if truth.kind != told.kind:
        return np.inf
    here = (time / speed for time in truth.second)
    pairs = zip([*truth.first, *here], [*told.first, *told.second], strict=True)
    return max(abs(one - other) for one, other in pairs)


def judge(truth: list[Edit], found: Comparison, speed: float, scores: dict[str, Score]) -> list[str]:
    """Count hits and false alarms by kind; words for what was missed."""
    missed = []
    for edit in truth:
        error = min((largest_error(edit, told, speed) for told in found.edits), default=np.inf)
        scores[edit.kind].made += 1
        scores[edit.kind].found += error <= NEAR
        if error < 1:
            scores[edit.kind].errors.append(error)
        if error > NEAR:
            missed.append(f"missed by {error:.3f}: {edit}")
    for told in found.edits:
        right = min((largest_error(edit, told, speed) for edit in truth), default=np.inf) <= NEAR
        scores[told.kind].told += 1
        scores[told.kind].right += right
        if not right:
            missed.append(f"wrong: {told}")
    return missed


def share(part: int, whole: int) -> str:
    """A share in per cent with Wilson's 95 % interval."""
    if not whole:
        return "-"
    z, p = 1.96, part / whole
    middle, half = p + z * z / 2 / whole, z * np.sqrt(p * (1 - p) / whole + z * z / 4 / whole**2)
    low, high = ((middle + sign * half) / (1 + z * z / whole) for sign in (-1, 1))
    return f"{100 * p:.1f} % ({100 * low:.0f} to {100 * high:.0f})"


def row(name: str, score: Score) -> list[str]:
    errors = [f"{1000 * np.quantile(score.errors, q):.0f}" if score.errors else "-" for q in (0.5, 0.95)]
    return [name, str(score.made), share(score.found, score.made), share(score.right, score.told), *errors]


def total(scores: dict[str, Score]) -> Score:
    """The counts of all kinds."""
    counts = (sum(getattr(score, name) for score in scores.values()) for name in ("made", "found", "told", "right"))
    return Score(*counts, [error for score in scores.values() for error in score.errors])


def tracks(music: Path, sources: list[str], seed: int) -> Iterator[tuple[Path, Wave]]:
    """Excerpts of tracks in a drawn order, again and again at other places."""
    rows = [row for row in table(music / "tracks.csv") if row["source"] in sources]
    generator = np.random.default_rng(seed)
    while True:
        used = False
        for number in generator.permutation(len(rows)):
            path = music / rows[number]["path"]
            wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = soxr.resample(wave.mean(axis=1), rate, RATE)
            if len(mono) < LEAST_SECONDS * RATE or np.abs(mono).max() < 0.01:
                continue
            used = True
            start = int(generator.uniform(0, max(1, len(mono) - SECONDS * RATE)))
            yield path, mono[start : start + round(SECONDS * RATE)]
        if not used:
            raise SystemExit(f"no track of {', '.join(sources)} lasts {LEAST_SECONDS:g} s")


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=36, help="edited pairs, three edits each")
    options.add_argument("--copies", type=int, default=12, help="pairs without edits")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--sources", nargs="*", help="sources of music; by default those kept from training")
    options.add_argument("--misses", action="store_true", help="list what was missed or wrong")
    chosen = options.parse_args()
    music = music_folder()
    sources = chosen.sources or recipe_of(Extractor().card)["data"]["test_sources"]
    generator, given = np.random.default_rng(chosen.seed), tracks(music, sources, chosen.seed)
    by_change = {name: {kind: Score() for kind in KINDS} for name in CHANGES}
    clean, copies, seconds, sound = dict.fromkeys(CHANGES, 0), dict.fromkeys(CHANGES, 0), 0.0, 0.0
    _, other = next(given)
    for number in range(chosen.pairs + chosen.copies):
        (path, wave), name = next(given), list(CHANGES)[number % len(CHANGES)]
        kinds = [str(kind) for kind in generator.permutation(KINDS)[:EDITS]] if number < chosen.pairs else []
        version, truth = edited(wave, other, kinds, generator) if kinds else (wave, [])
        version, speed = CHANGES[name](version, generator)
        began = time.process_time()
        found = compare(wave, version, RATE)
        seconds, sound = seconds + time.process_time() - began, sound + len(wave) / RATE
        if kinds:
            missed = judge(truth, found, speed, by_change[name])
        else:
            missed = [f"edit in a copy: {edit}" for edit in found.edits]
            clean[name] += bool(missed)
            copies[name] += 1
        if chosen.misses and missed:
            print(path, name, *missed, *found.entries, sep="\n  ", file=sys.stderr)
        other = wave
    header = ["edit", "made", f"found within {NEAR:g} s", "right of those told", "error, ms: median", "95 %"]
    by_kind = {kind: total({name: scores[kind] for name, scores in by_change.items()}) for kind in KINDS}
    rows = [row(kind, score) for kind, score in by_kind.items()]
    rows += [row(name, total(scores)) for name, scores in by_change.items()]
    print(markdown(header, [*rows, row("**all**", total(by_kind))]))
    print("\nCopies without edits in which one was told, of those made:")
    print("; ".join(f"{name}: {told} of {copies[name]}" for name, told in clean.items()))
    print(f"\n{60 * seconds / sound:.2f} s for a minute of music on one core")


if __name__ == "__main__":
    main()
