"""Encoders of one layer, small enough to be computed by hand."""

from __future__ import annotations

from torch import Tensor, nn

from musicfeat_trainer.encoders.encoder import Encoder


class Linear(Encoder):
    """A linear layer over all numbers of an item."""

    def __init__(self, inputs: int, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension
        self.linear = nn.Linear(inputs, dimension)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features.flatten(1))


class Strides(Encoder):
    """A bounded vector for every ``step`` samples."""

    def __init__(self, step: int, dimension: int) -> None:
        super().__init__()
        self.step, self.dimension = step, dimension
        self.convolution = nn.Conv1d(1, dimension, step, step)

    def sequence(self, features: Tensor) -> Tensor:
        return self.convolution(features[:, None]).tanh().transpose(1, 2)

    def forward(self, features: Tensor) -> Tensor:
        return self.sequence(features).mean(1)
