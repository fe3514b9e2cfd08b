"""``musicfeat-export RUN -o MODEL.onnx``: a trained run to one file, with its parity."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from musicfeat.errors import InputError
from musicfeat_export.onnx_file import export


def parser() -> argparse.ArgumentParser:
    """The argument parser."""
    top = argparse.ArgumentParser(
        prog="musicfeat-export",
        description="A trained run to one self-contained ONNX file.",
    )
    top.add_argument("run", type=Path, help="folder that `musicfeat-train run` wrote")
    top.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.onnx")
    top.add_argument("--scores", type=Path, metavar="SCORES.json", help="measured scores for the model card")
    return top


def run(options: argparse.Namespace) -> None:
    """Export, and print the greatest difference of each output."""
    differences = export(options.run, options.output, read_scores(options.scores))
    print("| output | largest difference, torch to ONNX Runtime |\n|---|---|")
    for name, value in differences.items():
        print(f"| {name} | {value:.1e} |")
    print(f"\n{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")


def read_scores(path: Path | None) -> dict[str, float]:
    """A flat JSON object of numbers, or nothing."""
    if path is None:
        return {}
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must hold a flat JSON object of numbers: {error}") from error
