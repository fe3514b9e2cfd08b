"""ResNet-18 to -152 (He et al., "Deep residual learning for image recognition", 2016) over spectrograms.

Layers and their names are torchvision's, so that weights trained on pictures load as they are.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.features import Shape
from musicfeat_trainer.section import expanded

Depth = Literal[18, 34, 50, 101, 152]
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
WIDTHS = (64, 128, 256, 512)
BOTTLENECK_FROM = 50
EXPANSION = 4
COUNTER = "num_batches_tracked"
"""Name of a buffer that published files may lack, as it is no weight of a network."""


class ResNetConfig(EncoderConfig):
    """ResNet-18, -34, -50, -101 or -152 over pictures of one channel or several."""

    name: Literal["resnet"] = "resnet"
    depth: Depth = 18

    def build(self, shape: Shape) -> Encoder:
        shape.need_picture(self.name)
        return ResNet(self.depth, shape.channels)


class ResNet(Encoder):
    """ResNet without its classifier, over features scaled by their running mean and deviation.

    The middle convolution of a bottleneck has its stride, as in torchvision.
    """

    def __init__(self, depth: Depth, channels: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm2d(channels, affine=False)
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        expansion = EXPANSION if depth >= BOTTLENECK_FROM else 1
        inputs = WIDTHS[0]
        for number, (width, count) in enumerate(zip(WIDTHS, BLOCKS[depth], strict=True), start=1):
            blocks = [_Block(inputs if i == 0 else width * expansion, width, expansion, 1 if number == 1 or i else 2)
                      for i in range(count)]  # fmt: skip
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs = width * expansion
        self.dimension = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        """Vectors [batch, 512], or 2048 from 50 layers on, of features [batch, channels, frames, bands]."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(self.scale(features)))))
        for number in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3))


class _Block(nn.Module):
    """Block of two 3 x 3 convolutions, or, if it expands, of 1 x 1, 3 x 3 and 1 x 1; with a shortcut."""

    def __init__(self, inputs: int, width: int, expansion: int, stride: int) -> None:
        super().__init__()
        outputs = width * expansion
        kernels = ((3, stride), (3, 1)) if expansion == 1 else ((1, 1), (3, stride), (1, 1))
        widths = (inputs, *[width] * (len(kernels) - 1), outputs)
        for i, (kernel, step) in enumerate(kernels, start=1):
            convolution = nn.Conv2d(widths[i - 1], widths[i], kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{i}", convolution)
            self.add_module(f"bn{i}", nn.BatchNorm2d(widths[i]))
        self.count = len(kernels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i in range(1, self.count + 1):
            y = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(y))
            y = self.relu(y) if i < self.count else y
        return self.relu(y + (self.downsample(x) if self.downsample else x))


def load_weights(net: ResNet, path: Path) -> None:
    """Load weights under torchvision's names from a .safetensors or .pth file; ``fc`` is left out.

    Raises:
        InputError: the file is missing, or is of another depth or other channels.
    """
    path = expanded(path)
    read = load_file if path.suffix == ".safetensors" else partial(torch.load, map_location="cpu", weights_only=True)
    try:
        weights = {name: value for name, value in read(path).items() if not name.startswith("fc.")}
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"no weights to start from at {path}, neither .safetensors nor .pth: {reason}") from error
    own, found = (
        {name: value.shape for name, value in arrays.items() if not name.startswith("scale.") and COUNTER not in name}
        for arrays in (net.state_dict(), weights)
    )
    wrong = sorted(name for name in own.keys() | found.keys() if own.get(name) != found.get(name))
    if wrong:
        name = wrong[0]
        raise InputError(
            f"the weights at {path} are of another network: {len(wrong)} arrays differ, the first of them {name!r}, "
            f"which is {found.get(name)} there and {own.get(name)} here; check depth, channels and torchvision's names"
        )
    net.load_state_dict(weights, strict=False)
