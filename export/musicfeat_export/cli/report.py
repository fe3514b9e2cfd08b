"""``musicfeat-export report MODEL -o FOLDER``: a model file's contents, its cost, and its answers on every engine."""

from __future__ import annotations

import argparse
from pathlib import Path

from musicfeat.model.session import Session, find_model
from musicfeat_export.clips import windows_of
from musicfeat_export.report.engines import ReportInputs
from musicfeat_export.report.report import markdown, measure, save

CLIPS = 32


def parser() -> argparse.ArgumentParser:
    """The argument parser."""
    top = argparse.ArgumentParser(
        prog="musicfeat-export report", description="Operators, size, parity on every engine, latency: measured here."
    )
    top.add_argument("model", help="a model file, or a bundled model's name")
    top.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write report.md, report.json and latency.png")
    top.add_argument("--clips", type=Path, metavar="FOLDER", help="music for parity, and to calibrate int8")
    top.add_argument("--run", type=Path, metavar="RUN", help="the training run of the file, for parity with torch")
    top.add_argument("--web", type=Path, metavar="NODE_MODULES", help="folder that holds onnxruntime-web, run in Node")
    top.add_argument("--rounds", type=int, default=15, help="repetitions of each timing (default %(default)s)")
    return top


def run(options: argparse.Namespace) -> None:
    """Measure a model, print and write its report."""
    model = find_model(options.model)
    clips = windows_of(options.clips, Session(model, threads=1).card, CLIPS) if options.clips else None
    report = measure(model, ReportInputs(clips, options.run, options.web), options.rounds)
    print(markdown(report))
    if options.output:
        save(report, options.output)
