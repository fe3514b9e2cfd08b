"""Interface of every encoder for the methods."""

from __future__ import annotations

from torch import Tensor, nn

from musicfeat_trainer.features import Shape
from musicfeat_trainer.section import Section


class EncoderConfig(Section):
    """The table of an encoder in a recipe; subclasses add ``name`` and their settings."""

    def build(self, shape: Shape) -> Encoder:
        """Encoder with fresh weights for features of a shape.

        Raises:
            InputError: the encoder cannot read such features; the message says why.
        """
        raise NotImplementedError


class Encoder(nn.Module):
    """Network from features to one vector a clip; subclasses set ``dimension`` and say which features they read."""

    dimension: int

    def forward(self, features: Tensor) -> Tensor:
        """Vectors [batch, ``dimension``] of features [batch, channels, frames, bands] or [batch, samples]."""
        raise NotImplementedError
