"""Shared code of the commands: how one is run, options of the model, one line for a failure."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from musicfeat.errors import InputError, MusicfeatError

if TYPE_CHECKING:
    from musicfeat.extractor import Extractor
    from musicfeat.features import Features

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def run_command(program: str, options: argparse.Namespace) -> int:
    """Run the command of a program that the options name.

    Returns:
        The command's exit code: 0 on success, 1 on any failure (one line on stderr for each), 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be Unicode
    try:
        return int(options.run(options))
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except (MusicfeatError, OSError) as error:
        return print_error(error, program)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130


def command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int], text: str, about: str | None = None
) -> argparse.ArgumentParser:
    """A sub-command without options; ``about`` describes it in its own help, in the place of ``text``."""
    added = commands.add_parser(name, help=text, description=about or text)
    added.set_defaults(run=run)
    return added


def catalog_argument(added: argparse.ArgumentParser) -> None:
    """The folder of the catalog that a command reads."""
    added.add_argument("catalog", type=Path, metavar="CATALOG", help="folder that `musicfeat embed` wrote")


def model_options(added: argparse.ArgumentParser) -> None:
    """The options of every command that runs a model."""
    added.add_argument("--model", help="path of a model file, or name of a bundled model (default: the bundled one)")
    devices = "cpu, cuda:INDEX, tensorrt:INDEX, openvino:CPU (GPU, NPU), coreml, directml:INDEX or qnn"
    added.add_argument("--device", default="cpu", help=f"{devices} (default: cpu)")
    added.add_argument("--threads", type=int, help="number of threads of the model (default: all cores)")


def extractor(options: argparse.Namespace, hop: float | None = None) -> Extractor:
    """The model that the options name."""
    from musicfeat.extractor import Extractor

    return Extractor(options.model, options.device, options.threads, hop)


def extracted(options: argparse.Namespace, model: Extractor) -> Iterator[Features | MusicfeatError]:
    """The features of ``options.paths``; failures are reported as they occur."""
    for result in model.map(options.paths):
        if isinstance(result, MusicfeatError):
            print_error(result)
        yield result


def vacant(folder: Path) -> None:
    """Raise InputError unless the folder is empty, or can be made without touching anything."""
    try:
        free = not any(folder.iterdir()) if folder.is_dir() else folder.parent.is_dir() and not folder.exists()
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error}") from error
    if not free:
        raise InputError(f"cannot write to {folder}: name a new or empty folder in a folder that exists")


def print_error(error: Exception, program: str = "musicfeat") -> int:
    """Print one line on stderr; return the exit code 1."""
    print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)
    return 1
