"""``musicfeat search``: tracks of a catalog that sound like a recording."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicfeat.cli.lists import m3u, print_bytes, shown, who
from musicfeat.cli.shared import Commands, catalog_argument, command

if TYPE_CHECKING:
    from musicfeat.catalog.search.searcher import Hit

TEXT = """List the tracks of a catalog that sound most like a recording, with their most similar window. All windows
are compared; --index keeps a second copy of the embeddings and finds nearly all of the nearest much sooner."""


def add(commands: Commands) -> None:
    """Declare the command."""
    search = command(commands, "search", run, "list tracks of a catalog that sound like a recording", TEXT)
    catalog_argument(search)
    search.add_argument("query", type=Path, metavar="QUERY", help="audio file, or name of a track of the catalog")
    search.add_argument("-k", type=int, default=10, metavar="N", help="number of results (default: 10)")
    search.add_argument(
        "--at", type=float, metavar="S", help="compare the window around second S instead of the whole recording"
    )
    search.add_argument("--windows", action="store_true", help="list windows instead of tracks")
    search.add_argument("--itself", action="store_true", help="list the file of the query, too")
    search.add_argument("--index", action="store_true", help="build the index, or bring it up to date, and use it")
    search.add_argument("--no-index", action="store_true", help="search without the index of the catalog")
    form = search.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, with paths as in the catalog")
    form.add_argument("--m3u", action="store_true", help="print a playlist")
    search.add_argument("--model", help="path of the model file that made the catalog, if it is not a bundled one")
    search.add_argument("--device", default="cpu", help="cpu or cuda:INDEX (default: cpu)")


def run(options: argparse.Namespace) -> int:
    """Print the results, most similar first."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.search.query import model_of
    from musicfeat.catalog.search.searcher import Searcher
    from musicfeat.catalog.tracks import Tracks

    model = model_of(catalog, options.model, options.device) if options.model or options.device != "cpu" else None
    searcher = Searcher(catalog, True if options.index else False if options.no_index else None, model)
    if searcher.note:
        print(f"musicfeat: {searcher.note}", file=sys.stderr)
    tracks = Tracks(catalog)
    query = options.query if options.query.exists() else tracks.row(tracks.find(options.query))["path"]
    found = searcher(query, options.k, windows=options.windows, itself=options.itself, at=options.at)
    rows = tracks.rows([hit.path for hit in found])
    if options.m3u:
        print_bytes(m3u(rows))
    else:
        print(_as_json(found, rows) if options.json else _as_table(found, rows))
    return 0


def _as_table(found: list[Hit], rows: list[dict[str, Any]]) -> str:
    lines = [f"{'like':>5}  {'where':<15}  track"] if found else ["nothing to compare with"]
    for hit, row in zip(found, rows, strict=True):
        where = f"{_clock(hit.start)} - {_clock(hit.end)}"
        lines.append(f"{hit.similarity:5.3f}  {where:<15}  {shown(row)}")
    return "\n".join(lines)


def _as_json(found: list[Hit], rows: list[dict[str, Any]]) -> str:
    from musicfeat.catalog.names import to_text

    hits = [{**vars(hit), "path": to_text(hit.path), **who(row)} for hit, row in zip(found, rows, strict=True)]
    return json.dumps(hits, indent=1, ensure_ascii=False)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
