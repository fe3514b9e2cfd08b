"""``musicfeat report``: a recording as one page to look at, listen to and send."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command, extractor, model_options

HOP = 2.5


def add(commands: Commands) -> None:
    """Declare the command."""
    report = command(commands, "report", run, "write one HTML file that shows what the model hears in a recording")
    report.add_argument("audio", type=Path, metavar="FILE")
    report.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.html")
    report.add_argument(
        "--audio", dest="embed", action="store_true", help="put the sound into the page, to listen to (up to 64 MiB)"
    )
    model_options(report)


def run(options: argparse.Namespace) -> int:
    """Write the report and print its size."""
    from musicfeat.report.page import write_report

    size = write_report(options.audio, options.output, extractor(options, HOP), audio=options.embed)
    print(
        f"{options.output}: {size / 1e6:.2f} MB" + ("" if options.embed else ", without the sound (--audio holds it)")
    )
    return 0
