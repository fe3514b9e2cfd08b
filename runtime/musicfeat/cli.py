"""The command ``musicfeat``: embed, tag, order, info, demo."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

import musicfeat
from musicfeat.errors import InputError, ModelError, MusicfeatError
from musicfeat.extractor import Extractor
from musicfeat.features import Features

DEMO_HOP = 2.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if all went well, 1 if anything failed (one line on stderr per failure)."""
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files need not be Unicode
    try:
        return int(options.run(options))
    except MusicfeatError as error:
        return _report(error)
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def parser() -> argparse.ArgumentParser:
    """The argument parser, one sub-command per function below."""
    top = argparse.ArgumentParser(prog="musicfeat", description="Music features that know the order of time.")
    top.add_argument("--version", action="version", version=f"musicfeat {musicfeat.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    embed = _command(commands, "embed", run_embed, "embeddings, reversal and order of many files, into one .npz")
    embed.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    embed.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.npz")
    embed.add_argument("--hop", type=float, help="seconds between windows (default: windows touch)")
    tag = _command(commands, "tag", run_tag, "which instruments play, most probable first")
    tag.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    order = _command(commands, "order", run_order, "put pieces of a recording in playing order")
    order.add_argument("paths", nargs="+", type=Path, metavar="PIECE")
    order.add_argument("--gap", type=_gap, default=0.0, help="seconds missing at each join, or 'unknown' (default: 0)")
    _command(commands, "info", run_info, "versions, devices, and the model's card")
    demo = _command(commands, "demo", run_demo, "make a clip, judge it forwards and backwards, draw a picture")
    demo.add_argument("-o", "--output", type=Path, default=Path("musicfeat-demo.svg"), metavar="OUT.svg")
    demo.add_argument("audio", nargs="?", type=Path, help="your own file instead of the synthesised clip")
    return top


def run_embed(options: argparse.Namespace) -> int:
    """Write ``paths`` and ``embedding`` [files, D]; and for each window ``track`` (index of its path), ``times``,
    ``embeddings``, ``reversal`` and ``jigsaw``.
    """
    if options.output.is_dir() or not options.output.parent.is_dir():
        raise InputError(f"cannot write {options.output}: name a file in a folder that exists")
    results = list(_extracted(options, Extractor(options.model, options.device, options.threads, options.hop)))
    found = [result for result in results if isinstance(result, Features)]
    if found:
        _write_npz(options.output, found)
        print(f"{options.output}: {len(found)} files, {sum(map(len, found))} windows")
    return int(len(found) < len(results))


def run_tag(options: argparse.Namespace) -> int:
    """Print one line per file."""
    extractor = _extractor(options)
    if "tags" not in extractor.card.outputs:
        raise ModelError(f"model {extractor.card.name} has no tags: choose another with --model")
    failed = 0
    for result in _extracted(options, extractor):
        if isinstance(result, Features):
            ranked = sorted(result.tags.items(), key=lambda pair: -pair[1])
            print(f"{result.path}: " + ", ".join(f"{label} {p:.2f}" for label, p in ranked))
        else:
            failed = 1
    return failed


def run_order(options: argparse.Namespace) -> int:
    """Print the pieces in playing order, then how sure that is."""
    found = _extractor(options).order(options.paths, gap=options.gap)
    for path in found.apply(options.paths):
        print(path)
    gap = f", gap {found.gap:.2f} s" if options.gap is None else ""
    print(f"P(this order) {found.probability:.3f}, P(shuffled as given) {found.shuffled:.3f}{gap}", file=sys.stderr)
    return 0


def run_info(options: argparse.Namespace) -> int:
    """Print what is installed, what is enabled, and what the model says of itself."""
    from musicfeat.info import info_lines

    lines, problem = info_lines(options.model, options.device, options.threads)
    print("\n".join(lines))
    return _report(problem) if problem else 0


def run_demo(options: argparse.Namespace) -> int:
    """Print the findings for a clip forwards, backwards and in pieces, and write a picture of it."""
    from musicfeat.demo import run

    extractor = Extractor(options.model, options.device, options.threads, DEMO_HOP)
    print("\n".join(run(extractor, options.audio, options.output)))
    return 0


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """A sub-command with the options that all share."""
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--model", help="path of a model file or name of a bundled one")
    command.add_argument("--device", default="cpu", help="cpu or cuda:INDEX (default: cpu)")
    command.add_argument("--threads", type=int, help="threads of the model (default: all cores)")
    command.set_defaults(run=run)
    return command


def _gap(text: str) -> float | None:
    return None if text == "unknown" else float(text)


def _extractor(options: argparse.Namespace) -> Extractor:
    return Extractor(options.model, options.device, options.threads)


def _extracted(options: argparse.Namespace, extractor: Extractor) -> Iterator[Features | MusicfeatError]:
    for result in extractor.map(options.paths):
        if isinstance(result, MusicfeatError):
            _report(result)
        yield result


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


def _report(error: MusicfeatError) -> int:
    message = " ".join(str(error).split())
    print(f"musicfeat: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
