"""``musicfeat-train fetch-debian-music``: recorded music from Debian's packages, free for anyone to train on."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command
from musicfeat.errors import InputError
from musicfeat_trainer.data.debian.fetch import fetch
from musicfeat_trainer.data.debian.packages import PACKAGES, Package


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "fetch-debian-music", run, "bring music of Debian's packages, with its licences")
    parser.add_argument("folder", type=Path, help="folder to write: a folder for each package, and tracks.csv")
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="package to fetch; may be repeated (default: all)",
    )
    parser.add_argument(
        "--archives",
        type=Path,
        metavar="FOLDER",
        help="folder that holds the .deb files already; nothing is downloaded",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the packages and fetch nothing")


def run(options: argparse.Namespace) -> int:
    """Fetch missing packages, and print the amount of music."""
    if options.list:
        print("\n".join(package.name for package in PACKAGES))
        return 0
    tracks, seconds = fetch(options.folder, _chosen(options.package), options.archives)
    print(f"{options.folder / 'tracks.csv'}: {tracks} tracks, {seconds / 3600:.1f} h")
    return 0


def _chosen(names: list[str]) -> list[Package]:
    known = {package.name: package for package in PACKAGES}
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"no music known in {', '.join(unknown)}: `--list` names the packages")
    return [known[name] for name in names] or list(PACKAGES)
