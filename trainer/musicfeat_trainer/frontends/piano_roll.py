"""Piano rolls as pictures: the symbolic input of Gururani, Lerch and Bretan, "A comparison of music input domains for
self-supervised feature learning" (2019), eight octaves wide.

The paper leaves open the frame rate and whether a sounding note is its velocity or 1. Here a clip of three seconds, as
in the paper, is square, 96 frames by 96 pitches, and performances keep their dynamics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from musicfeat.errors import InputError

LOUDEST = 127


@dataclass(frozen=True)
class PianoRollSpec:
    """Settings of a piano roll: frames a second, and the value of a note that sounds."""

    frame_rate: float = 32.0
    values: Literal["velocity", "binary"] = "velocity"

    def __post_init__(self) -> None:
        if not self.frame_rate > 0:
            raise InputError(f"a piano roll needs more than {self.frame_rate} frames a second")


class PianoRollPicture(nn.Module):
    """Transform of velocities to values from 0 to 1."""

    def __init__(self, spec: PianoRollSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or PianoRollSpec()

    def forward(self, velocities: Tensor) -> Tensor:
        """Values [batch, frames, pitches] of velocities from 0 to 127: shares of 127, or 1 wherever a note sounds."""
        return (velocities > 0).float() if self.spec.values == "binary" else velocities / LOUDEST
