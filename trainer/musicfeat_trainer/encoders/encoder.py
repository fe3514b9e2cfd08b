"""What every encoder offers to the methods."""

from __future__ import annotations

from torch import Tensor, nn

from musicfeat_trainer.features import Shape
from musicfeat_trainer.section import Section


class EncoderConfig(Section):
    """The table of an encoder in a recipe; subclasses add ``name`` and their settings."""

    def build(self, shape: Shape) -> Encoder:
        """The encoder with fresh weights for features of a shape.

        Raises:
            InputError: it cannot read such features, saying why.
        """
        raise NotImplementedError


class Encoder(nn.Module):
    """Features to one vector a clip; subclasses set ``dimension`` and say which features they read."""

    dimension: int

    def forward(self, features: Tensor) -> Tensor:
        """[batch, channels, frames, bands] or [batch, samples] -> [batch, ``dimension``]."""
        raise NotImplementedError
