"""Pieces in time of a clip's features, as jigsaws need them (Addepalli et al., 2019, section 5.2)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.features import shape_of
from musicfeat_trainer.section import Section


class PiecesConfig(Section):
    """Equal pieces with their edges cut off, so that continuity across a join does not give the order away."""

    count: int = Field(3, ge=2, le=6)
    edge: int = Field(5, ge=0)
    """Frames cut from both ends of every piece."""
    along: Literal["channels", "time"] = "channels"
    """Axis along which an encoder gets pieces: the channels of one picture, or time, joined again."""

    def arranged(self, features: Tensor) -> Tensor:
        """Pieces, [batch, 1, T, bands] -> [batch, count, frames, bands], or [batch, 1, frames, bands] joined in time.

        Raises:
            InputError: features have several channels, are raw samples, or have too few frames.
        """
        shape = shape_of(features)
        length = shape.frames // self.count
        if shape.is_waveform or shape.channels > 1 or length <= 2 * self.edge:
            raise InputError(
                f"pieces need a picture of one channel and more than {2 * self.edge * self.count} frames, got {shape}"
            )
        pieces = features[:, 0, : self.count * length].unflatten(1, (self.count, length))
        pieces = pieces[:, :, self.edge : length - self.edge]
        return pieces if self.along == "channels" else pieces.flatten(1, 2)[:, None]

    def reordered(self, arranged: Tensor, orders: Tensor) -> Tensor:
        """Put the pieces of each row of ``arranged`` into its order, [batch, count] of indices."""
        pieces = arranged if self.along == "channels" else arranged[:, 0].unflatten(1, (self.count, -1))
        moved = pieces[torch.arange(len(pieces), device=pieces.device)[:, None], orders.to(pieces.device)]
        return moved if self.along == "channels" else moved.flatten(1, 2)[:, None]
