"""Does ``musicfeat compare`` find the edits between two versions, to 0.05 s? Music that no weights were trained on.

    python benchmarks/quality/compare.py [--pairs N] [--seed N] [--sources NAME ...] [--misses]

Each pair is a track and a version of it with three edits at random places, of 0.5 to 8 s (changes of speed: 6 to 12 s),
joined within 5 ms, and then changed as a whole: coded to MP3 at 128 kbit/s, or also played 3 % faster or slower, or
equalised, compressed and coded to Vorbis. Copies without edits are changed alike. Music is read from $MUSICFEAT_DATA.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr

sys.path.append(str(Path(__file__).parents[1]))

from _table import markdown, music_folder
from sounds import Wave, recipe_of, table
from versions import CHANGES, KINDS, RATE, edited

from musicfeat import Extractor
from musicfeat.versions.comparison import Comparison, compare
from musicfeat.versions.edits import Edit

SECONDS, EDITS = 75.0, 3
LEAST_SECONDS = 40.0
NEAR = 0.05


@dataclass
class Score:
    """Counts of one kind of edit."""

    made: int = 0
    found: int = 0
    told: int = 0
    right: int = 0
    errors: list[float] = field(default_factory=list)


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
