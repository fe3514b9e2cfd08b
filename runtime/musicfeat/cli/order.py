"""``musicfeat order``: pieces of a recording in playing order."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.cli.shared import Commands, command, extractor, model_options, vacant
from musicfeat.errors import InputError

if TYPE_CHECKING:
    from musicfeat.features import Order

TEXT = """Put the pieces of one recording in playing order: name them, or a folder, list or pattern that finds them.
Each must last at least a second."""


def add(commands: Commands) -> None:
    """Declare the command."""
    order = command(commands, "order", run, "put pieces of a recording in playing order", TEXT)
    order.add_argument(
        "paths", nargs="+", metavar="PIECE", help="file, or a folder, list (.txt, .m3u, or - for stdin) or pattern"
    )
    order.add_argument("--gap", type=_gap, default=0.0, help="seconds missing at each join, or 'unknown' (default: 0)")
    order.add_argument("--json", action="store_true", help="print the order and its probability as JSON")
    order.add_argument("--m3u", type=Path, metavar="OUT.m3u", help="write a new playlist in playing order")
    order.add_argument("--copy-to", type=Path, metavar="DIR", help="copy the pieces, numbered, into a new folder")
    model_options(order)


def run(options: argparse.Namespace) -> int:
    """Print the pieces in playing order, then the certainty of that order."""
    pieces = _pieces(options.paths)
    if options.copy_to:
        vacant(options.copy_to)
    playlist = options.m3u
    if playlist and (os.path.lexists(playlist) or not playlist.parent.is_dir()):
        raise InputError(f"cannot write {playlist}: name a new file in a folder that exists")
    found = extractor(options).order(list(pieces), gap=options.gap)
    ordered = [pieces[i] for i in found.permutation]
    if playlist:
        _write_playlist(playlist, ordered)
    if options.copy_to:
        _copy(ordered, options.copy_to)
    _print(found, ordered, options)
    return 0


def _gap(text: str) -> float | None:
    try:
        return None if text == "unknown" else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be seconds or 'unknown', got {text!r}") from error


def _pieces(sources: list[str]) -> list[Path]:
    """Files as named; contents of a folder, list or pattern with absolute or relative paths, as its source has."""
    from musicfeat.catalog.listing import find

    pieces = []
    for source in sources:
        found = find([source])
        if found == [os.path.abspath(source)]:
            pieces.append(Path(source))
        else:
            pieces += [Path(path if os.path.isabs(source) else os.path.relpath(path)) for path in found]
    if len(pieces) < 2:
        raise InputError(f"ordering needs at least 2 pieces, {', '.join(sources)} has {len(pieces)}")
    return pieces


def _print(found: Order, ordered: list[Path], options: argparse.Namespace) -> None:
    if options.json:
        values = {"probability": found.probability, "shuffled": found.shuffled, "gap": found.gap}
        order = {"order": [str(path) for path in ordered], "permutation": found.permutation}
        print(json.dumps(order | values, indent=1))
        return
    for path in ordered:
        print(path)
    gap = f", gap {found.gap:.2f} s" if options.gap is None else ""
    print(f"P(this order) {found.probability:.3f}, P(shuffled as given) {found.shuffled:.3f}{gap}", file=sys.stderr)


def _write_playlist(playlist: Path, ordered: list[Path]) -> None:
    """Write paths relative to the playlist, so that both can move together; an existing file is left alone."""
    names = [os.path.relpath(path, playlist.parent) for path in ordered]
    if any("\n" in name or "\r" in name for name in names):
        raise InputError(f"cannot write {playlist}: a playlist cannot hold a name with a line break")
    lines = ["#EXTM3U", *(os.path.join(".", name) if name.startswith("#") else name for name in names)]
    try:
        with playlist.open("xb") as file:
            file.write(b"".join(os.fsencode(line) + b"\n" for line in lines))
    except OSError as error:
        raise InputError(f"cannot write {playlist}: {error}") from error


def _copy(ordered: list[Path], folder: Path) -> None:
    """Copy all pieces with numbers, or none: copies are made beside the folder, which then appears at once."""
    partial = folder.parent / f".{folder.name}.{os.getpid()}.tmp"
    digits = max(2, len(str(len(ordered))))
    try:
        partial.mkdir()
        for number, path in enumerate(ordered, 1):
            shutil.copy2(path, partial / f"{number:0{digits}d}-{path.name}")
        if folder.exists():  # it is empty; not every system can rename a folder onto one
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise InputError(f"cannot copy the pieces to {folder}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
