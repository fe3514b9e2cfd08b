"""Strided convolutions: raw waveforms to a sequence of vectors, the encoder of contrastive predictive coding."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.features import Shape

Size: TypeAlias = Annotated[int, Field(gt=0)]
Layers: TypeAlias = tuple[tuple[Size, Size], ...]
"""Kernel and stride of each convolution, in samples of its input."""

PUBLISHED: Layers = ((10, 5), (8, 4), (4, 2), (4, 2), (4, 2))
CLMR: Layers = ((10, 5), (6, 3), (4, 2), (4, 2), (4, 2), (2, 2), (2, 2))
"""Layers of the CPC that CLMR is compared with."""


class StridedConvConfig(EncoderConfig):
    """Five strided convolutions over raw samples, one vector for every 160 of them. CPC, 2018.

    CLMR's author trains CPC on music with seven, one vector for every 480: the recipe ``cpc`` lists them.
    """

    name: Literal["strided_conv"] = "strided_conv"
    layers: Layers = Field(PUBLISHED, min_length=1)
    width: int = Field(512, gt=0)
    """Channels of every layer."""

    def build(self, shape: Shape) -> Encoder:
        shape.need_waveform(self.name)
        net = StridedConv(self.layers, self.width)
        if shape.frames < net.step:
            raise InputError(f"{self.name} needs clips of {net.step} samples or more, got {shape.frames}")
        return net


class StridedConv(Encoder):
    """The encoder of van den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding" (2018),
    section 3.1: convolutions with rectifiers and without normalisation, 512 channels each.

    The paper leaves initialisation open. Without normalisation the level must last through all layers, so weights are
    initialised by He et al. (2015, by inputs) and biases by zero. PyTorch's own lose a factor of 14 in five layers.

    The paper leaves padding open. Here it is half of a kernel's excess over its stride, rounded up, so that 20 480
    samples give the paper's 128 vectors.

    An objective over sequences, such as CPC, reads ``sequence``; all others read its mean.
    """

    def __init__(self, layers: Layers = PUBLISHED, width: int = 512) -> None:
        super().__init__()
        self.dimension = width
        self.step = math.prod(stride for _, stride in layers)
        parts: list[nn.Module] = []
        for number, (kernel, stride) in enumerate(layers):
            padding = max(0, (kernel - stride + 1) // 2)
            convolution = nn.Conv1d(width if number else 1, width, kernel, stride, padding)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            if convolution.bias is not None:
                nn.init.zeros_(convolution.bias)
            parts += [convolution, nn.ReLU()]
        self.layers = nn.Sequential(*parts)

    def sequence(self, features: Tensor) -> Tensor:
        """Vectors [batch, steps, ``dimension``], at least 0, one for every ``step`` samples of [batch, samples]."""
        return self.layers(features[:, None]).transpose(1, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Mean of the sequence, [batch, samples] -> [batch, ``dimension``]."""
        return self.sequence(features).mean(1)
