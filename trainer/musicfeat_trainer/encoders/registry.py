"""Encoders by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.encoders.convnet import ConvNetConfig, ConvNetExtConfig
from musicfeat_trainer.encoders.es_resnet import ESResNetConfig
from musicfeat_trainer.encoders.resnet import ResNetConfig
from musicfeat_trainer.encoders.sample_cnn import SampleCNNConfig
from musicfeat_trainer.encoders.strided_conv import StridedConvConfig
from musicfeat_trainer.encoders.temporal_net import TemporalNetConfig
from musicfeat_trainer.encoders.wav2vec2 import Wav2Vec2Config

AnyEncoder = Annotated[
    ConvNetConfig
    | ConvNetExtConfig
    | ESResNetConfig
    | ResNetConfig
    | SampleCNNConfig
    | StridedConvConfig
    | TemporalNetConfig
    | Wav2Vec2Config,
    Field(discriminator="name"),
]
"""One of the encoders; its ``build`` explains why it cannot read a frontend's features."""
