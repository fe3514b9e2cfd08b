"""The command ``musicfeat-export``: a trained run in, one ONNX file out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from musicfeat.errors import InputError, MusicfeatError
from musicfeat_export.onnx_file import export


def main(arguments: Sequence[str] | None = None) -> int:
    """Export; 0 if the file was written, 1 with one line on stderr if not."""
    options = parser().parse_args(arguments)
    try:
        differences = export(options.run, options.output, read_scores(options.scores))
    except (MusicfeatError, OSError) as error:
        print(f"musicfeat-export: {error}", file=sys.stderr)
        return 1
    print("| output | largest difference, torch to ONNX Runtime |\n|---|---|")
    for name, value in differences.items():
        print(f"| {name} | {value:.1e} |")
    print(f"\n{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")
    return 0


def parser() -> argparse.ArgumentParser:
    """The argument parser."""
    top = argparse.ArgumentParser(prog="musicfeat-export", description="A trained run to one self-contained ONNX file.")
    top.add_argument("run", type=Path, help="folder that `musicfeat-train run` wrote")
    top.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.onnx")
    top.add_argument("--scores", type=Path, metavar="SCORES.json", help="measured scores for the model card")
    return top


def read_scores(path: Path | None) -> dict[str, float]:
    """A flat JSON object of numbers, or nothing."""
    if path is None:
        return {}
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must hold a flat JSON object of numbers: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
