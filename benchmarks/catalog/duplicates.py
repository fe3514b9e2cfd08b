"""Are copies of real tracks found, and nothing else? Tracks that training never saw, coded anew, changed and cut.

    python benchmarks/catalog/duplicates.py [--limit TRACKS] [--short] [--verify]
    python benchmarks/catalog/duplicates.py --fit [--catalogs FOLDER]

Music is read from $MUSICFEAT_DATA (../shared/data). For each kind of copy, a catalog holds all tracks and that copy of
each; a copy is found if it is in its track's group. Wrong pairs are counted in a catalog of everything. With --short,
the same is asked of loops at one tempo, of recorded notes and of environmental clips. With --fit, the bounds of
``evidence`` are fitted to the bundled weights, on sounds of which no two are one recording: noise, recorded notes,
environmental clips and the music; and written where the package reads them. Their catalogs are kept in a folder, if one
is named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "quality"))
sys.path.append(str(Path(__file__).parent))

import fitting
from _table import markdown, music_folder
from copies import COPIES, RATE, SHORT_COPIES, groups, part_of, share, write_copies, wrong
from short_sounds import SOUNDS
from sounds import Wave, recipe_of, table

from musicfeat import Extractor
from musicfeat.catalog import Catalog, embed_catalog
from musicfeat.catalog.settings import Rows
from musicfeat.sound.audio import load

HEADER = ["copy", "tracks", "found, windows", "found, one row a track"]
WRONG = "pairs of different sounds taken for one"
KINDS: tuple[Rows, ...] = ("window", "track")


def tracks(limit: int) -> Iterator[Wave]:
    """Tracks that the model's recipe kept from training."""
    root = music_folder()
    held_out = recipe_of(Extractor().card)["data"]["test_sources"]
    for row in [row for row in table(root / "tracks.csv") if row["source"] in held_out][:limit]:
        yield load(root / row["path"], rate=RATE)


def rows(limit: int, least: float | None = None, verify: bool = False) -> list[list[str]]:
    """A row for each kind of copy of tracks, and one for pairs of different tracks."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        count = write_copies(folder / "music", tracks(limit), COPIES)
        for rows_of in KINDS:
            embed_catalog(folder / "music", folder / rows_of, rows=rows_of, outputs=())
        lines = []
        for kind, name in list(enumerate(COPIES))[1:]:
            found = [groups(part_of(folder / rows_of, {0, kind}), least, verify) for rows_of in KINDS]
            lines.append([name, str(count), *(f"{100 * share(group, kind, count):.1f} %" for group in found)])
        mixed = [str(wrong(groups(Catalog(folder / rows_of), least, verify))) for rows_of in KINDS]
        return [*lines, [WRONG, str(_pairs(count, len(COPIES))), *mixed]]


def short_rows(limit: int, least: float | None = None, verify: bool = False) -> list[list[str]]:
    """A row for each kind of copy of short sounds and loops, and one for pairs of different ones."""
    names = ["different sounds", *list(SHORT_COPIES)[1:], WRONG]
    columns = [_column(sounds(limit), least, verify) for sounds in SOUNDS.values()]
    return [list(row) for row in zip(names, *columns, strict=True)]


def _column(waves: Iterable[Wave], least: float | None, verify: bool) -> list[str]:
    """The number of sounds, the share found of each kind of copy, and the number of wrong pairs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, copies, shares = Path(temporary), len(SHORT_COPIES), list[str]()
        count = write_copies(folder / "sounds", waves, SHORT_COPIES)
        embed_catalog(folder / "sounds", folder / "catalog", outputs=())
        for kind in range(1, copies):
            found = groups(part_of(folder / "catalog", {0, kind}), least, verify)
            shares.append(f"{round(count * share(found, kind, count))} of {count}")
        mixed = wrong(groups(Catalog(folder / "catalog"), least, verify))
        return [str(count), *shares, f"{mixed} of {_pairs(count, copies)}"]


def _pairs(count: int, copies: int) -> int:
    """Number of pairs of files of different sounds."""
    return count * (count - 1) // 2 * copies**2


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--limit", type=int, default=1000, help="greatest number of tracks, or of each kind of sound")
    options.add_argument("--short", action="store_true", help="loops, notes and clips instead of tracks")
    options.add_argument("--least", type=float, help="similarity from which tracks count as the same")
    options.add_argument("--verify", action="store_true", help="decode the files and decide by their sound")
    options.add_argument("--fit", action="store_true", help="fit the bounds to the bundled weights")
    options.add_argument("--catalogs", type=Path, help="folder for the catalogs of --fit")
    chosen = options.parse_args()
    if chosen.fit:
        fitting.fit(chosen.catalogs)
    else:
        rows_of = short_rows if chosen.short else rows
        header = ["copy", *SOUNDS] if chosen.short else HEADER
        print(markdown(header, rows_of(chosen.limit, chosen.least, chosen.verify)))


if __name__ == "__main__":
    main()
