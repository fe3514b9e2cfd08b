"""Convolutions and transformer of wav2vec 2.0 (Baevski et al., 2020) over raw samples, by torchaudio."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.features import Shape
from musicfeat_trainer.libraries import torchaudio

STEP = 320
"""Samples from one vector to the next."""
REACH = 400
"""Least number of samples that one vector sees."""


class Wav2Vec2Config(EncoderConfig):
    """A transformer over strided convolutions, a vector for every 320 samples. wav2vec 2.0, 2020; needs torchaudio."""

    name: Literal["wav2vec2"] = "wav2vec2"
    width: int = Field(256, gt=0)
    """Width of the vectors; the published base model has 768, 12 layers and 12 heads."""
    layers: int = Field(4, gt=0)
    heads: int = Field(4, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)

    def build(self, shape: Shape) -> Encoder:
        shape.need_waveform(self.name)
        if shape.frames < REACH:
            raise InputError(f"{self.name} needs clips of {REACH} samples or more, got {shape.frames}")
        if self.width % self.heads or self.width % 16:
            raise InputError(f"{self.name}: width {self.width} must be a multiple of 16 and of the {self.heads} heads")
        return Wav2Vec2(self)


class Wav2Vec2(Encoder):
    """Encoder that keeps time; CPC reads ``sequence``, all other objectives its mean."""

    step = STEP

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.dimension = config.width
        self.net = torchaudio("models").wav2vec2_model(
            extractor_mode="group_norm",
            extractor_conv_layer_config=None,
            extractor_conv_bias=False,
            encoder_embed_dim=config.width,
            encoder_projection_dropout=config.dropout,
            encoder_pos_conv_kernel=128,
            encoder_pos_conv_groups=16,
            encoder_num_layers=config.layers,
            encoder_num_heads=config.heads,
            encoder_attention_dropout=config.dropout,
            encoder_ff_interm_features=4 * config.width,
            encoder_ff_interm_dropout=config.dropout,
            encoder_dropout=config.dropout,
            encoder_layer_norm_first=False,
            encoder_layer_drop=0.0,
            aux_num_out=None,
        )

    def sequence(self, features: Tensor) -> Tensor:
        """Vectors [batch, steps, ``dimension``], one for every ``STEP`` samples of [batch, samples]."""
        return self.net(features)[0]

    def forward(self, features: Tensor) -> Tensor:
        """Mean of the sequence, [batch, samples] -> [batch, ``dimension``]."""
        return self.sequence(features).mean(1)
