"""Options of ``musicfeat check`` for archives: channels by themselves, corrected copies, JAMS."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.cli.shared import print_error, vacant
from musicfeat.errors import InputError, MusicfeatError

if TYPE_CHECKING:
    from musicfeat.catalog.check import Verdict

CHANNELS = "judge each channel by itself, as of two-sided tapes digitised at once; decodes the files again"
FIX = "write copies in which the channels that play backwards as a whole are turned back; implies --channels"


def archive_options(check: argparse.ArgumentParser) -> None:
    """Declare the options."""
    check.add_argument("--channels", action="store_true", help=CHANNELS)
    check.add_argument("--fix", type=Path, metavar="FOLDER", help=FIX)
    check.add_argument("--jams", type=Path, metavar="DIR", help="write a JAMS file for each track found")


def vacant_folders(options: argparse.Namespace) -> None:
    """Raise InputError unless every folder that is to be written is empty or can be made, before hours of work."""
    folders = [folder for folder in (options.labels, options.fix, options.jams) if folder]
    for number, folder in enumerate(folders):
        vacant(folder)
        if folder.absolute() in [other.absolute() for other in folders[:number]]:
            raise InputError(f"{folder} is named twice: name a folder for each of --labels, --fix and --jams")
    if options.jams:
        from musicfeat.catalog.jams_files import package

        package()


def fixed_copies(verdicts: list[Verdict], folder: Path) -> dict[str, str | None]:
    """The copy of each track that was to be turned back, by its path; None if that failed, which is reported."""
    from musicfeat.catalog.mending import mend

    _make(folder)
    fixed = dict[str, str | None]()
    for path, copy in mend(verdicts, folder):
        if isinstance(copy, MusicfeatError):
            print_error(copy)
        fixed[path] = None if isinstance(copy, MusicfeatError) else str(copy)
    return fixed


def write_jams(verdicts: list[Verdict], folder: Path, catalog: Path) -> None:
    """Write the findings of a check as JAMS."""
    from musicfeat.catalog import Catalog
    from musicfeat.catalog.jams_checks import write_check_jams

    _make(folder)
    write_check_jams(verdicts, folder, Catalog(catalog).settings.model)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error}") from error
