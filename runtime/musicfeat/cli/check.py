"""``musicfeat check``: tracks of a catalog that seem reversed or spliced."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from musicfeat.catalog.settings import read_settings
from musicfeat.cli.archives import archive_options, fixed_copies, vacant_folders, write_jams
from musicfeat.cli.shared import Commands, catalog_argument, command, extractor, model_options, print_error
from musicfeat.errors import InputError
from musicfeat.files import unused

if TYPE_CHECKING:
    from musicfeat.catalog.check import Finding, Verdict
    from musicfeat.catalog.reader import Catalog

FOUND = 3
TEXT = """List tracks that seem to play backwards, as a whole or for a while, and places where something was cut, surest
first. Cuts are hard to hear: the curve of the bundled model, whose findings catalogs store, shows about a fifth.
Catalogs of models without curves hold no cuts: with --edits, read the audio files again and look for them, which takes
about fifteen times as long as embedding."""
LABELS = "write a label track for each track found: Audacity imports it, and Sonic Visualiser as an annotation layer"


def add(commands: Commands) -> None:
    """Declare the command."""
    check = command(commands, "check", run, "list tracks of a catalog that seem reversed or spliced", TEXT)
    catalog_argument(check)
    check.add_argument(
        "--edits", action="store_true", help="look for cuts in the audio files if the catalog holds none"
    )
    check.add_argument(
        "--least", type=_share, default=0.5, metavar="P", help="report from this probability on (default: 0.5)"
    )
    check.add_argument("--json", action="store_true", help="print what was found as JSON")
    check.add_argument("--labels", type=Path, metavar="DIR", help=LABELS)
    check.add_argument("--fail", action="store_true", help=f"exit with code {FOUND} if anything was found")
    check.add_argument("--quiet", action="store_true", help="show no progress bar")
    archive_options(check)
    model_options(check)


def run(options: argparse.Namespace) -> int:
    """Print the findings, surest first; return 1 if a file could not be searched for cuts."""
    vacant_folders(options)
    verdicts: list[Verdict] = []
    failed: list[Verdict] = []
    count = 0
    for verdict in _verdicts(options):
        count += 1
        if verdict.findings:
            verdicts.append(verdict)
        if verdict.error:
            failed.append(verdict)
            print_error(verdict.error)
    rows = sorted(
        ((finding, verdict.path) for verdict in verdicts for finding in verdict.findings),
        key=lambda row: (-row[0].probability, row[1], row[0].start),
    )
    if options.labels:
        _write_labels(verdicts, options.labels)
    if options.jams:
        write_jams(verdicts, options.jams, options.catalog)
    fixed = fixed_copies(verdicts, options.fix) if options.fix else {}
    searched = options.edits or read_settings(options.catalog).edits
    print(_as_json(rows, failed, fixed, count) if options.json else _as_table(rows, fixed, count, searched))
    return 1 if failed or None in fixed.values() else FOUND if options.fail and rows else 0


def _verdicts(options: argparse.Namespace) -> Iterator[Verdict]:
    """A verdict for each track, with a progress bar if files are read again."""
    from musicfeat.catalog import Catalog

    catalog = Catalog(options.catalog)
    from musicfeat.catalog.channels import by_channel
    from musicfeat.catalog.check import check

    channels, again = bool(options.channels or options.fix), options.edits and not catalog.settings.edits
    model = extractor(options) if again or channels else None
    found = check(catalog, model if again else None, options.least)
    if model and channels:
        found = by_channel(found, model, options.least)
    if not model or options.quiet or not sys.stderr.isatty():
        return found
    from tqdm import tqdm

    return iter(tqdm(found, total=_tracks(catalog), unit="track", dynamic_ncols=True))


def _tracks(catalog: Catalog) -> int:
    """Number of tracks."""
    return sum(int((batch.column("window").to_numpy() == 0).sum()) for batch in catalog.batches(["window"]))


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return value


def _as_table(rows: list[tuple[Finding, str]], fixed: dict[str, str | None], count: int, searched: bool) -> str:
    lines = [f"{'P':>5}  {'what':<8}  {'where':<17}  track"] if rows else []
    for finding, path in rows:
        where = _clock(finding.start) + (f" - {_clock(finding.end)}" if finding.end > finding.start else "")
        channel = "" if finding.channel is None else f"  (channel {finding.channel})"
        lines.append(f"{finding.probability:5.3f}  {finding.kind:<8}  {where:<17}  {path}{channel}")
    lines += [f"turned back: {path} -> {copy}" for path, copy in fixed.items() if copy]
    found = len({path for _, path in rows})
    note = "" if searched else "; cuts were not searched for (--edits)"
    return "\n".join([*lines, f"{count} tracks, {found} suspicious{note}"])


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"


def _as_json(rows: list[tuple[Finding, str]], failed: list[Verdict], fixed: dict[str, str | None], count: int) -> str:
    """Everything for programs; ``fixed`` has the copy of each track, or null if it could not be written."""
    findings = [{"path": path, **vars(finding)} for finding, path in rows]
    failures = [{"path": verdict.path, "error": str(verdict.error)} for verdict in failed]
    return json.dumps({"tracks": count, "findings": findings, "failures": failures, "fixed": fixed}, indent=1)


def _write_labels(verdicts: list[Verdict], folder: Path) -> None:
    """Write a file for each track, named after it; a number distinguishes tracks of the same name.

    Lines are start, end and text, separated by tabs, in time order. No text contains a comma, which Sonic Visualiser
    would take for a column separator.
    """
    taken = set[str]()
    try:
        folder.mkdir(exist_ok=True)
        for verdict in sorted(verdicts, key=lambda verdict: verdict.path):
            lines = [f"{finding.start:.6f}\t{finding.end:.6f}\t{finding}\n" for finding in verdict.findings]
            name = unused(os.path.splitext(os.path.basename(verdict.path))[0], taken)
            (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"cannot write labels to {folder}: {error}") from error
