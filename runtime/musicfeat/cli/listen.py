"""``musicfeat listen``: a local page to see and hear a catalog."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from musicfeat.cli.shared import Commands, catalog_argument, command
from musicfeat.errors import CatalogError

TEXT = """Open a catalog as a page in the browser: a map, tracks with their curves, features, a jigsaw. It is served to
this machine only and needs no internet. It writes nothing but hidden files beside the catalog, which it can make
again."""
PORT = 8642
EXTRA = "pip install 'musicfeat[listen]'"


def add(commands: Commands) -> None:
    """Declare the command."""
    listen = command(commands, "listen", run, "see and hear a catalog on a local page", TEXT)
    catalog_argument(listen)
    listen.add_argument(
        "--audio-root",
        type=Path,
        metavar="DIR",
        help="folder that holds the files now, in place of the one that held them when they were embedded",
    )
    listen.add_argument(
        "--port", type=int, default=PORT, help=f"port to serve at; 0 takes any that is free (default: {PORT})"
    )
    listen.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to serve at (default: 127.0.0.1, this machine alone); whoever reaches another can listen, too",
    )
    listen.add_argument("--open", action="store_true", help="open the page in the browser")
    listen.add_argument("--model", help="path of the model file that made the catalog, if it is not a bundled one")
    listen.add_argument(
        "--in-browser",
        type=Path,
        metavar="DIR",
        help="folder where `npm install musicfeat` was run: dropped files are judged in the browser, which keeps them",
    )
    listen.add_argument(
        "--max-upload", type=float, default=200, metavar="MB", help="greatest size of a dropped file (default: 200)"
    )
    listen.add_argument(
        "--time-limit", type=float, default=120, metavar="S", help="longest time to decode one file (default: 120)"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        for name in ("pyarrow", "starlette", "uvicorn"):
            import_module(name)
    except ModuleNotFoundError as error:
        raise CatalogError(f"the page needs {error.name}: {EXTRA}") from error
    from musicfeat.listen.serve import serve

    serve(options)
