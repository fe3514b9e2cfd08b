"""``musicfeat embed``: many files, into one .npz or a catalog."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from musicfeat.cli.shared import Commands, command, extracted, extractor, model_options
from musicfeat.errors import InputError, MusicfeatError
from musicfeat.features import Features


def add(commands: Commands) -> None:
    """Declare the command."""
    embed = command(commands, "embed", run, "embeddings, reversal and order of many files, into one .npz")
    embed.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    embed.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    embed.add_argument("--hop", type=float, help="seconds between windows (default: windows touch)")
    model_options(embed)


def run(options: argparse.Namespace) -> int:
    """Write ``paths`` and ``embedding`` [files, D]; and for each window ``track`` (index of its path), ``times``,
    ``embeddings``, ``reversal`` and ``jigsaw``.
    """
    if options.output.is_dir() or not options.output.parent.is_dir():
        raise InputError(f"cannot write {options.output}: name a file in a folder that exists")
    results = list(extracted(options, extractor(options, options.hop)))
    found = [result for result in results if not isinstance(result, MusicfeatError)]
    if found:
        _write_npz(options.output, found)
        print(f"{options.output}: {len(found)} files, {sum(map(len, found))} windows")
    return int(len(found) < len(results))


def _write_npz(path: Path, found: list[Features]) -> None:
    """All or nothing: a file that is there already is replaced only by a whole one."""
    temporary = path.with_name(f".{path.name}.tmp.npz")
    try:
        np.savez(
            temporary,
            paths=np.array([features.path for features in found]),
            embedding=np.stack([features.embedding for features in found]),
            track=np.repeat(np.arange(len(found)), [len(features) for features in found]),
            times=np.concatenate([features.times for features in found]),
            embeddings=np.concatenate([features.embeddings for features in found]),
            reversal=np.concatenate([features.reversal for features in found]),
            jigsaw=np.concatenate([features.jigsaw for features in found]),
        )
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {error}") from error
