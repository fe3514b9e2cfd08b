"""Recipe of an engine: the model, the range of batches, the GPU and the TensorRT version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from musicfeat.errors import InputError, ModelError

WORKSPACE = 2**30
"""Bytes that a layer may take for its intermediate results."""
BUILDER = 1
"""Version of this builder; a change makes cached engines stale."""


@dataclass(frozen=True)
class Profile:
    """Range of batch sizes that an engine takes, and the size at which it is fastest."""

    min: int = 1
    opt: int = 64
    max: int = 64

    def __post_init__(self) -> None:
        sizes = (self.min, self.opt, self.max)
        if any(isinstance(size, bool) or not isinstance(size, int) for size in sizes) or not (
            1 <= self.min <= self.opt <= self.max
        ):
            raise InputError(f"a profile needs whole numbers 1 <= MIN <= OPT <= MAX of windows, got {sizes}")

    def split(self, windows: int) -> list[int]:
        """Sizes of the fewest, most equal batches that hold this many windows.

        Raises:
            InputError: no such batches lie in the profile.
        """
        batches = -(-windows // self.max)
        sizes = [windows // batches + (batch < windows % batches) for batch in range(batches)]
        if not sizes or sizes[-1] < self.min:
            raise InputError(
                f"{windows} windows cannot be cut into batches of {self.min} to {self.max}, which is all that this "
                "engine takes: build it with a smaller MIN (`musicfeat-export tensorrt --batch MIN OPT MAX`)"
            )
        return sizes


@dataclass(frozen=True)
class Target:
    """GPU and TensorRT version that an engine is bound to."""

    tensorrt: str
    """Version of TensorRT."""
    gpu: str
    """Name of the GPU."""
    capability: str
    """Compute capability of the GPU."""

    def __str__(self) -> str:
        return f"TensorRT {self.tensorrt} on {self.gpu} (compute capability {self.capability})"


@dataclass(frozen=True)
class Recipe:
    """All inputs that decide the builder's result."""

    onnx_sha256: str
    target: Target
    profile: Profile = Profile()
    workspace: int = WORKSPACE
    """Bytes that a layer may take for its intermediate results."""
    builder: int = BUILDER

    @property
    def key(self) -> str:
        """A name for the engine, different for every different recipe."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def header(self, card: Mapping[str, str]) -> dict[str, Any]:
        """The header of the engine's file."""
        return {"recipe": asdict(self), "card": dict(card)}


def from_header(header: Mapping[str, Any], where: str) -> tuple[Recipe, dict[str, str]]:
    """The recipe and the model card in an engine's header.

    Raises:
        ModelError: the header is not that of an engine.
    """
    try:
        values = dict(header["recipe"])
        values |= {"target": Target(**values["target"]), "profile": Profile(**values["profile"])}
        return Recipe(**values), dict(header["card"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{where} is not an engine of this musicfeat: build it anew with `musicfeat-export tensorrt`"
        ) from error


def digest(onnx: bytes) -> str:
    """SHA-256 of a serialised model."""
    return hashlib.sha256(onnx).hexdigest()
