"""Are copies of real tracks found, and nothing else? Tracks that training never saw, coded anew, changed and cut.

    python benchmarks/catalog/duplicates.py [--limit TRACKS] [--verify]
    python benchmarks/catalog/duplicates.py --fit [--catalogs FOLDER]

Music is read from $MUSICFEAT_DATA (../shared/data). For each kind of copy, a catalog holds all tracks and that copy of
each; a copy is found if it is in its track's group. Wrong pairs are counted in a catalog of everything. With --fit, the
bounds of ``evidence`` are fitted to the bundled weights, on sounds of which no two are one recording: noise, recorded
notes, environmental clips and the music; and written where the package reads them. Their catalogs are kept in a folder,
if one is named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "quality"))
sys.path.append(str(Path(__file__).parent))

import fitting
from _table import data_folder, markdown
from sounds import Wave, recipe_of, table

from musicfeat import Extractor
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.search.duplicates import duplicates
from musicfeat.catalog.settings import Rows, write_or_check
from musicfeat.sound.audio import load

HEADER = ["copy", "tracks", "found, windows", "found, one row a track"]
RATE = 48000
ORIGINAL = "original"
KINDS: tuple[Rows, ...] = ("window", "track")
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


def _faded(wave: Wave) -> Wave:
    fade = np.ones(len(wave), np.float32)
    fade[-4 * RATE :] = np.linspace(1, 0, len(fade[-4 * RATE :]))
    return wave * fade


def rows(limit: int = 1000, least: float | None = None, verify: bool = False) -> list[list[str]]:
    """A row for each kind of copy, and one for pairs of different tracks."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = write_copies(folder / "music", limit)
        for rows_of in KINDS:
            embed_catalog(folder / "music", folder / rows_of, rows=rows_of, outputs=())
        lines = []
        for kind, name in list(enumerate(COPIES))[1:]:
            found = [groups(part_of(folder / rows_of, {0, kind}), least, verify) for rows_of in KINDS]
            lines.append([name, str(count), *(f"{100 * share(group, kind, count):.1f} %" for group in found)])
        pairs = count * (count - 1) // 2 * len(COPIES) ** 2
        mixed = [str(wrong(groups(Catalog(folder / rows_of), least, verify))) for rows_of in KINDS]
        return [*lines, ["pairs of different tracks taken for one", str(pairs), *mixed]]


def write_copies(folder: Path, limit: int) -> int:
    """Write all copies of the tracks that the model's recipe kept from training; return the number of tracks."""
    root = data_folder() / "music"
    held_out = recipe_of(Extractor().card)["data"]["test_sources"]
    paths = [root / row["path"] for row in table(root / "tracks.csv") if row["source"] in held_out][:limit]
    folder.mkdir()
    for number, path in enumerate(paths):
        wave = load(path, rate=RATE)
        for kind, write in enumerate(COPIES.values()):
            write(folder / f"{number:04d}-{kind:02d}", wave)
    return len(paths)


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


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--limit", type=int, default=1000, help="greatest number of tracks")
    options.add_argument("--least", type=float, help="similarity from which tracks count as the same")
    options.add_argument("--verify", action="store_true", help="decode the files and decide by their sound")
    options.add_argument("--fit", action="store_true", help="fit the bounds to the bundled weights")
    options.add_argument("--catalogs", type=Path, help="folder for the catalogs of --fit")
    chosen = options.parse_args()
    if chosen.fit:
        fitting.fit(chosen.catalogs)
    else:
        print(markdown(HEADER, rows(chosen.limit, chosen.least, chosen.verify)))


if __name__ == "__main__":
    main()
