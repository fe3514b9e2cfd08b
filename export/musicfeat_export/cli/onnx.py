"""``musicfeat-export onnx``: one file from a trained run or a model file, compared with its source."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from musicfeat.cli.shared import Commands, command
from musicfeat.errors import InputError
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session, find_model
from musicfeat_export.clips import Tagged, Windows, held_out_notes, windows_of
from musicfeat_export.onnx_file import export
from musicfeat_export.ort_format import SUFFIX, to_ort
from musicfeat_export.precision import LEAST_COSINE, Comparison, convert
from musicfeat_export.resampled import resampled

CLIPS = 64
OUTPUT = "MODEL.ort writes ONNX Runtime's own format, and MODEL.config, the operators that a minimal build needs"
PRECISIONS = "stored16 for less to download, fp16 for GPUs, int8 for CPUs with instructions for it (default fp32)"
PRESETS: dict[str, dict[str, Any]] = {
    "web": {"precision": "stored16"},
    "mobile": {"precision": "stored16", "batch": 1},
    "cpu": {"precision": "fp32"},
    "gpu": {"precision": "fp16"},
}
"""Options that ``--for`` sets. NPUs and compilers for phones need shapes without a free batch."""
Step = Callable[[Path, Path], None]


def add(commands: Commands) -> None:
    """Declare the command."""
    text = "a trained run to one self-contained ONNX file; or such a file in another precision"
    onnx = command(commands, "onnx", run, text)
    onnx.add_argument("model", help="folder that `musicfeat-train run` wrote, a model file, or name of a bundled model")
    onnx.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.onnx", help=OUTPUT)
    onnx.add_argument("--precision", choices=list(LEAST_COSINE), help=PRECISIONS)
    onnx.add_argument(
        "--for",
        choices=list(PRESETS),
        dest="target",
        help="choose precision and batch for browsers, phones, CPUs or GPUs",
    )
    onnx.add_argument(
        "--clips",
        type=Path,
        metavar="FOLDER",
        help="folder of music: half of the clips calibrate int8, half show what is lost",
    )
    onnx.add_argument(
        "--notes", type=Path, metavar="FOLDER", help="folder of recorded notes with notes.csv, to show what tags lose"
    )
    onnx.add_argument(
        "--most-clips", type=int, default=CLIPS, metavar="N", help="number of clips to read (default: %(default)s)"
    )
    onnx.add_argument(
        "--signed", action="store_true", help="write symmetric int8 activations, as TensorRT demands; slower on x86"
    )
    onnx.add_argument(
        "--resample", type=int, metavar="HZ", help="sample rate that the model takes, resampled in the graph"
    )
    onnx.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="number of windows in every batch, for engines without dynamic shapes (default: any)",
    )
    onnx.add_argument(
        "--scores", type=Path, metavar="SCORES.json", help="measured scores to put into the model card of a run"
    )


def run(options: argparse.Namespace) -> int:
    """Export and convert; print how far the result differs from its source."""
    for name, value in PRESETS.get(options.target or "cpu", {}).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.batch is not None and options.batch < 1:
        raise InputError(f"--batch must be at least 1, got {options.batch}")
    steps = _steps(options)
    source = Path(options.model) if Path(options.model).is_dir() else find_model(options.model)
    with tempfile.TemporaryDirectory() as folder:
        for number, step in enumerate(steps, 1):
            target = options.output if number == len(steps) else Path(folder) / f"{number}.onnx"
            step(source, target)
            source = target
    print(f"\n{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")
    return 0


def _steps(options: argparse.Namespace) -> list[Step]:
    """The steps to run, each on the file that the previous one wrote."""
    steps: list[Step] = []
    if Path(options.model).is_dir():
        steps.append(lambda run, path: _print_parity(export(run, path, read_scores(options.scores))))
    if options.resample is not None:
        steps.append(lambda source, path: _print_parity(resampled(source, path, options.resample)))
    if options.precision != "fp32" or options.batch is not None:
        steps.append(lambda source, path: _convert(source, path, options))
    if options.output.suffix == SUFFIX:
        steps.append(lambda source, path: print(f"operators of a minimal build: {to_ort(source, path)}"))
    if not steps:
        raise InputError(
            f"{options.model} is a model file in fp32 already: choose another --precision, a --resample or a --batch"
        )
    return steps


def _convert(source: Path, path: Path, options: argparse.Namespace) -> None:
    clips, tagged = _sounds(Session(source, threads=1).card, options)
    comparison = convert(
        source,
        path,
        options.precision,
        calibration=None if clips is None else clips[::2],
        clips=None if clips is None else clips[1::2],
        tagged=tagged,
        batch=options.batch,
        signed=options.signed,
    )
    print(table(comparison))


def _sounds(card: ModelCard, options: argparse.Namespace) -> tuple[Windows | None, Tagged | None]:
    clips = windows_of(options.clips, card, options.most_clips) if options.clips else None
    return clips, held_out_notes(options.notes, card) if options.notes else None


def _print_parity(differences: dict[str, float]) -> None:
    print("| output | largest difference, torch to ONNX Runtime |\n|---|---|")
    for name, value in differences.items():
        print(f"| {name} | {value:.1e} |")


def table(comparison: Comparison) -> str:
    """A comparison as Markdown."""
    lines = [
        f"\n| output, fp32 to {comparison.precision}, {comparison.clips} clips | largest difference | least cosine |"
    ]
    lines += ["|---|---|---|"]
    lines += [f"| {d.output} | {d.largest:.1e} | {d.cosine:.6f} |" for d in comparison.differences]
    if comparison.before:
        lines += [
            "\n| judged on the same clips | answers | chance | fp32 | " + comparison.precision + " |",
            "|---|---|---|---|---|",
        ]
        for before, after in zip(comparison.before, comparison.after, strict=True):
            figures = (before.chance, before.value, after.value)
            lines.append(
                f"| {before.task} | {before.answers} | " + " | ".join(f"{100 * x:.1f} %" for x in figures) + " |"
            )
    before_ms, after_ms = comparison.milliseconds
    return "\n".join(
        [*lines, f"\nA window on one thread: {before_ms:.2f} ms, then {after_ms:.2f} ms. {comparison.advice}"]
    )


def read_scores(path: Path | None) -> dict[str, float]:
    """Scores from a flat JSON object; empty without a path."""
    if path is None:
        return {}
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must hold a flat JSON object of numbers: {error}") from error
