"""``musicfeat playlist``: tracks of a catalog similar to given ones, or a path from one to another."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.cli.lists import m3u, print_bytes, shown, who
from musicfeat.cli.shared import Commands, catalog_argument, command
from musicfeat.errors import InputError
from musicfeat.files import writing

if TYPE_CHECKING:
    from musicfeat.catalog.playlist import Entry

TEXT = """Make a playlist of a catalog's tracks: like some and unlike others (--like, --unlike), or a path that leads
from one to another (--from, --to). Tracks are named by their file, title or "Artist - Title". No recording is in it
twice. With --like, the most alike come first."""


def add(commands: Commands) -> None:
    """Declare the command."""
    playlist = command(
        commands, "playlist", run, "make a playlist like some tracks, or from one track to another", TEXT
    )
    catalog_argument(playlist)
    playlist.add_argument(
        "--like", nargs="+", default=[], metavar="TRACK", help="tracks that the list shall sound like"
    )
    playlist.add_argument(
        "--unlike", nargs="+", default=[], metavar="TRACK", help="tracks that it shall not sound like"
    )
    playlist.add_argument("--from", dest="start", metavar="TRACK", help="first track of a path")
    playlist.add_argument("--to", dest="end", metavar="TRACK", help="last track of a path")
    playlist.add_argument("-n", type=int, default=25, metavar="N", help="number of tracks (default: 25)")
    playlist.add_argument("--max-per-artist", type=int, metavar="N", help="greatest number of tracks of one artist")
    playlist.add_argument("--max-per-album", type=int, metavar="N", help="greatest number of tracks of one album")
    playlist.add_argument(
        "--joined", action="store_true", help="order the tracks so that each begins like the one before it ends"
    )
    playlist.add_argument("-o", "--output", type=Path, metavar="OUT", help="file to write, OUT.m3u8 or OUT.json")
    form = playlist.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with paths as in the catalog")
    form.add_argument("--m3u", action="store_true", help="print an M3U8")
    playlist.add_argument("--model", help="path of the model file that made the catalog, if it is not a bundled one")


def run(options: argparse.Namespace) -> int:
    """Print the list, or write it."""
    from musicfeat.catalog import Catalog

    _check(options)
    catalog = Catalog(options.catalog)
    from musicfeat.catalog.playlist import Limits, Playlists
    from musicfeat.catalog.search.query import model_of

    limits = Limits(options.n, options.max_per_artist, options.max_per_album)
    lists = Playlists(catalog, model_of(catalog, options.model) if options.model else None)
    if options.like:
        found = lists.like(options.like, options.unlike, limits, joined=options.joined)
    else:
        found = lists.path(options.start, options.end, limits)
    if options.output:
        _write(found, options.output)
        print(f"{options.output}: {len(found)} tracks, {sum(entry.duration for entry in found) / 60:.0f} minutes")
    elif options.m3u:
        print_bytes(m3u(map(vars, found)))
    else:
        print(_as_json(found) if options.json else _as_table(found))
    return 0


def _check(options: argparse.Namespace) -> None:
    if bool(options.like) == bool(options.start or options.end) or bool(options.start) != bool(options.end):
        raise InputError("name tracks with --like, or the ends of a path with --from and --to")
    if options.unlike and not options.like:
        raise InputError("--unlike goes with --like, not with a path")
    if options.output and options.output.suffix.lower() not in (".m3u8", ".m3u", ".json"):
        raise InputError(f"a playlist ends in .m3u8 or .json, got {options.output}")


def _write(found: list[Entry], path: Path) -> None:
    data = _as_json(found).encode() if path.suffix.lower() == ".json" else m3u(map(vars, found))
    with writing(path) as temporary:
        temporary.write_bytes(data)


def _as_table(found: list[Entry]) -> str:
    lines = [f"{'like':>6}  track"] if found else ["no track goes with that"]
    return "\n".join([*lines, *(f"{entry.similarity:6.3f}  {shown(vars(entry))}" for entry in found)])


def _as_json(found: list[Entry]) -> str:
    from musicfeat.catalog.names import to_text

    entries = [
        {"path": to_text(entry.path), **who(vars(entry)), "duration": entry.duration, "similarity": entry.similarity}
        for entry in found
    ]
    return json.dumps(entries, indent=1, ensure_ascii=False)
