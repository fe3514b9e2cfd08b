"""``musicfeat-export report MODEL -o FOLDER``: a model file's contents, its cost, and its answers on every engine."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.cli.shared import Commands, command
from musicfeat.model.session import Session, find_model
from musicfeat_export.clips import windows_of
from musicfeat_export.report.engines import ReportInputs
from musicfeat_export.report.report import markdown, measure, save

CLIPS = 32


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = command(commands, "report", run, "operators, size, parity on every engine, latency: measured here")
    parser.add_argument("model", help="model file, or name of a bundled model")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="folder to write report.md, report.json and latency.png to"
    )
    parser.add_argument(
        "--clips", type=Path, metavar="FOLDER", help="folder of music, to compare engines on and to calibrate int8"
    )
    parser.add_argument(
        "--run", dest="trained", type=Path, metavar="RUN", help="training run of the file, to compare it with torch"
    )
    parser.add_argument(
        "--web", type=Path, metavar="NODE_MODULES", help="folder that holds onnxruntime-web, which Node runs"
    )
    parser.add_argument("--rounds", type=int, default=15, help="repetitions of each timing (default %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Measure a model, print and write its report."""
    model = find_model(options.model)
    clips = windows_of(options.clips, Session(model, threads=1).card, CLIPS) if options.clips else None
    report = measure(model, ReportInputs(clips, options.trained, options.web), options.rounds)
    print(markdown(report))
    if options.output:
        save(report, options.output)
    return 0
