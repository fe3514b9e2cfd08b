"""Encoders by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.encoders.resnet import ResNetConfig
from musicfeat_trainer.encoders.sample_cnn import SampleCNNConfig

AnyEncoder = Annotated[ResNetConfig | SampleCNNConfig, Field(discriminator="name")]
"""One of the encoders; its ``build`` says, where it cannot read a frontend's features, why not."""
