"""ConvNet and ConvNet-ext of "Self-supervised machine listening" (NYU, 2019), for constant-Q spectrograms.

The paper names seven convolutional layers and leaves the rest to a figure. The rest follows its authors' public code
(the repository self_supervised_machine_listening): kernels, strides, widths, padding as wide as the kernel, two means
over 3 x 3, and a mean over the remaining picture. Layers grow as in SoundNet (Aytar, Vondrick and Torralba, 2016).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.features import Shape

WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
KERNELS = (5, 5, 5, 4, 4, 3, 3)
STRIDES = (2, 2, 1, 1, 1, 2, 2)
POOLED = (3, 5)
"""Layers, counted from one, that are followed by a mean over 3 x 3."""


class ConvNetConfig(EncoderConfig):
    """Seven convolutional layers and a mean over the picture. NYU 2019."""

    name: Literal["convnet"] = "convnet"

    def build(self, shape: Shape) -> Encoder:
        shape.need_picture(self.name)
        return ConvNet(shape.channels)


class ConvNetExtConfig(EncoderConfig):
    """ConvNet over each channel by itself, then fully connected layers over all: for jigsaws. NYU 2019.

    The paper has two such layers. Its code has three of 2048, 1024 and 256; downstream tasks read the last.
    """

    name: Literal["convnet_ext"] = "convnet_ext"
    widths: tuple[int, ...] = Field((1024, 256), min_length=1)
    """Widths of the fully connected layers."""

    def build(self, shape: Shape) -> Encoder:
        shape.need_picture(self.name)
        return ConvNetExt(shape.channels, self.widths)


class ConvNet(Encoder):
    """ConvNet over features of any size, which are first scaled by their running mean and deviation.

    6 618 000 weights of convolutions over one channel, initialised as in the code (He et al., 2015, by inputs).
    """

    dimension = WIDTHS[-1]

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.BatchNorm2d(channels, affine=False)]
        sizes = zip(pairwise((channels, *WIDTHS)), KERNELS, STRIDES, strict=True)
        for number, ((inputs, outputs), kernel, stride) in enumerate(sizes, start=1):
            convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel, bias=False)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
            layers += [nn.AvgPool2d(3)] if number in POOLED else []
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors [batch, 1024], at least 0, of features [batch, channels, frames, bands]."""
        return self.layers(features).mean((2, 3))


class ConvNetExt(Encoder):
    """One ConvNet for all channels, whose joined vectors go through the fully connected layers."""

    def __init__(self, channels: int, widths: tuple[int, ...] = (1024, 256)) -> None:
        super().__init__()
        self.dimension = widths[-1]
        self.convnet = ConvNet(1)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((channels * self.convnet.dimension, *widths)):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]
        self.connected = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors [batch, last of ``widths``], at least 0, of features [batch, channels, frames, bands]."""
        vectors = self.convnet(features.flatten(0, 1)[:, None])
        return self.connected(vectors.unflatten(0, features.shape[:2]).flatten(1))
