"""``musicfeat-export tensorrt MODEL.onnx -o MODEL.engine``: an engine for this machine's GPU."""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx

from musicfeat.cli.shared import Commands, command
from musicfeat.errors import InputError, ModelError
from musicfeat.model.engine import Device
from musicfeat.model.session import find_model
from musicfeat.model.trt.engine import write_engine
from musicfeat.model.trt.recipe import WORKSPACE, Profile
from musicfeat_export.graph import with_batch
from musicfeat_export.tensorrt_ops import unsupported

MEGABYTE = 2**20
MOST_FAULTS = 10


def add(commands: Commands) -> None:
    """Declare the command."""
    text = "a TensorRT engine for the GPU and the TensorRT of this machine; it runs nowhere else"
    tensorrt = command(commands, "tensorrt", run, text)
    tensorrt.add_argument("model", help="ONNX file, or name of a bundled model")
    tensorrt.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.engine")
    tensorrt.add_argument(
        "--batch",
        type=int,
        nargs=3,
        default=(Profile.min, Profile.opt, Profile.max),
        metavar=("MIN", "OPT", "MAX"),
        help="windows in a batch: fewest, the number to be fastest at, most (default: %(default)s)",
    )
    tensorrt.add_argument(
        "--workspace",
        type=int,
        default=WORKSPACE // MEGABYTE,
        metavar="MB",
        help="memory of the GPU that a layer may take for intermediate results (default: %(default)s)",
    )
    tensorrt.add_argument(
        "--device", type=int, default=0, metavar="INDEX", help="index of the GPU (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Check the graph, build and write the engine, and print what it is for."""
    profile = Profile(*options.batch)
    if options.workspace < 1 or options.device < 0:
        raise InputError("--workspace must be from 1 MB, and --device from 0")
    if not options.output.absolute().parent.is_dir():
        raise InputError(f"cannot write {options.output}: name a folder that exists")
    model = find_model(options.model)
    check_model(model, profile)
    recipe = write_engine(
        model, options.output, Device("tensorrt", options.device), profile, options.workspace * MEGABYTE
    )
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {size:.1f} MB, {recipe.target}, batches of {profile.min} to {profile.max} windows")
    return 0


def check_model(model: Path, profile: Profile) -> None:
    """Raise ModelError unless TensorRT can read the graph and all shapes are known at both ends of the profile."""
    try:
        proto = onnx.load(model)
        faults = unsupported(proto)
        if not faults:
            for batch in (profile.min, profile.max):
                with_batch(proto, batch)
    except ModelError as error:
        raise ModelError(f"TensorRT cannot run {model}: {error}") from error
    except Exception as error:  # protobuf and onnx raise unrelated exception classes for a bad file
        raise ModelError(f"{model} cannot be read as an ONNX model: {' '.join(str(error).split())}") from error
    if faults:
        more = f"; and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise ModelError(f"TensorRT cannot run {model}: {'; '.join(faults[:MOST_FAULTS])}{more}")
