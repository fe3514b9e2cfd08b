"""Copies of sounds, coded anew, changed and cut, in catalogs; and what of them was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr
from sounds import Wave

from musicfeat.catalog import Catalog
from musicfeat.catalog.search.duplicates import duplicates
from musicfeat.catalog.settings import write_or_check

RATE = 48000
ORIGINAL = "original"
Writer = Callable[[Path, Wave], None]


def coded(suffix: str, rate: int, level: float | None = None, **options: object) -> Writer:
    """A writer in blocks, since libsndfile crashes when it codes much Vorbis at once."""

    def write(path: Path, wave: Wave) -> None:
        sound = soxr.resample(wave, RATE, rate) if rate != RATE else wave
        with soundfile.SoundFile(path.with_suffix(suffix), "w", rate, 1, compression_level=level, **options) as file:
            for first in range(0, len(sound), rate):
                file.write(sound[first : first + rate])

    return write


def changed(change: Callable[[Wave], Wave]) -> Writer:
    """A writer that changes a wave and stores it without loss."""
    return lambda path, wave: coded(".flac", RATE)(path, change(wave))


COPIES: dict[str, Writer] = {
    ORIGINAL: coded(".flac", RATE),
    "MP3, 44.1 kHz": coded(".mp3", 44100, 0.3, bitrate_mode="CONSTANT"),
    "Vorbis, 32 kHz": coded(".ogg", 32000, 0.7),
    "Opus, 24 kbit/s": coded(".opus", RATE, 0.93, format="OGG", subtype="OPUS"),
    "Opus, 11 kbit/s": coded(".opus", RATE, 0.98, format="OGG", subtype="OPUS"),
    "WAV, 16 kHz": coded(".wav", 16000),
    "20 dB quieter": changed(lambda wave: 0.1 * wave),
    "1 s of its beginning lost": changed(lambda wave: wave[RATE:]),
    "3 s of its beginning lost": changed(lambda wave: wave[3 * RATE :]),
    "5 s of its beginning lost": changed(lambda wave: wave[5 * RATE :]),
    "7 s of its beginning lost": changed(lambda wave: wave[7 * RATE :]),
    "2 s of silence before it": changed(lambda wave: np.concatenate([np.zeros(2 * RATE, np.float32), wave])),
    "the last 8 s faded and lost": changed(lambda wave: _faded(wave[: -8 * RATE])),
}
"""Copies of songs."""


SHORT_COPIES: dict[str, Writer] = {
    **dict(list(COPIES.items())[:7]),
    "the first tenth lost": changed(lambda wave: wave[len(wave) // 10 :]),
    "the last fifth faded and lost": changed(lambda wave: _faded(wave[: -len(wave) // 5], 0.2)),
    "0.1 s of silence before it": changed(lambda wave: np.concatenate([np.zeros(RATE // 10, np.float32), wave])),
}
"""Copies of sounds shorter than half a minute."""


def _faded(wave: Wave, share: float | None = None) -> Wave:
    """The sound with its last 4 s, or a share of it, faded."""
    count = 4 * RATE if share is None else round(share * len(wave))
    fade = np.ones(len(wave), np.float32)
    fade[-count:] = np.linspace(1, 0, len(fade[-count:]))
    return wave * fade


def write_copies(folder: Path, waves: Iterable[Wave], copies: Mapping[str, Writer]) -> int:
    """Write all copies of mono sounds at ``RATE``; return the number of sounds."""
    folder.mkdir()
    number = -1
    for number, wave in enumerate(waves):
        for kind, write in enumerate(copies.values()):
            write(folder / f"{number:04d}-{kind:02d}", wave)
    return number + 1


def part_of(folder: Path, kinds: set[int]) -> Catalog:
    """A catalog of some kinds of copies only."""
    catalog, part = Catalog(folder), folder.with_name(f"{folder.name}-{max(kinds)}")
    part.mkdir()
    write_or_check(part, catalog.settings)
    table = catalog.table()
    kept = [_numbers(Path(path))[1] in kinds for path in table.column("path").to_pylist()]
    pq.write_table(table.filter(pa.array(kept)), part / "part-0of1-000001.parquet")
    return Catalog(part)


def groups(catalog: Catalog, least: float | None, verify: bool) -> list[set[tuple[int, int]]]:
    """The groups found, as pairs of track number and kind of copy."""
    return [{_numbers(Path(copy.path)) for copy in group} for group in duplicates(catalog, least, verify=verify)]


def _numbers(path: Path) -> tuple[int, int]:
    track, kind = path.name[:7].split("-")
    return int(track), int(kind)


def share(found: list[set[tuple[int, int]]], kind: int, count: int) -> float:
    """Share of copies of a kind that are in a group with their original."""
    return sum(any({(track, 0), (track, kind)} <= group for group in found) for track in range(count)) / count


def wrong(found: list[set[tuple[int, int]]]) -> int:
    """Number of pairs of files from different tracks that share a group."""
    mixed = defaultdict[tuple[int, int], int](int)
    for group in found:
        for first, second in combinations(sorted(group), 2):
            mixed[first[0], second[0]] += first[0] != second[0]
    return sum(mixed.values())
