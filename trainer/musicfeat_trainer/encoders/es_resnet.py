"""ESResNet: a ResNet-50 made for pictures, over spectrograms of three channels."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.encoders.resnet import ResNet, load_weights
from musicfeat_trainer.features import Shape

CHANNELS = 3


class ESResNetConfig(EncoderConfig):
    """ResNet-50 over three stacked spectrograms, optionally with weights learnt from pictures. Berkeley 2022.

    Guzhov, Raue, Hees and Dengel, "ESResNet: environmental sound classification based on visual domain models" (2020),
    without their attention, as in the Berkeley paper: a plain ResNet-50 whose channels are three log-mel spectrograms.
    """

    name: Literal["es_resnet"] = "es_resnet"
    weights: Path | None = None
    """File of torchvision's ResNet-50 to start from, such as ImageNet's, .safetensors or .pth; ``fc`` is left out."""

    def build(self, shape: Shape) -> Encoder:
        shape.need_picture(self.name)
        if shape.channels != CHANNELS:
            raise InputError(
                f"{self.name} reads {CHANNELS} channels, as networks for pictures do, got {shape.channels}: choose the "
                "frontend log_mel_stack, or the encoder resnet with depth = 50"
            )
        net = ResNet(50, shape.channels)
        if self.weights:
            load_weights(net, self.weights)
        return net
