"""Every encoder over every frontend: it learns, or says why it does not go."""

from __future__ import annotations

import typing
from functools import cache

import pytest
import torch

from musicfeat import InputError
from musicfeat_trainer.encoders.encoder import EncoderConfig
from musicfeat_trainer.encoders.registry import AnyEncoder
from musicfeat_trainer.features import shape_of
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.frontends.registry import AnyFrontend
from support.torchaudio import needed

REFUSED = {
    ("sample_cnn", "waveform"): "59049 samples",
    ("es_resnet", "log_mel"): "log_mel_stack",
    ("es_resnet", "cqt"): "log_mel_stack",
    ("es_resnet", "mel_decibels"): "log_mel_stack",
    ("es_resnet", "torchaudio_mel"): "log_mel_stack",
    ("es_resnet", "piano_roll"): "log_mel_stack",
    ("temporal_net", "log_mel_stack"): "one channel",
    ("temporal_net", "cqt"): "32 bands",
    ("temporal_net", "mel_decibels"): "32 bands",
    ("temporal_net", "torchaudio_mel"): "32 bands",
}
"""Pairs of a picture with an encoder of pictures, or of sound with one of sound, that do not go, and the reason."""
OF_SOUND = {"sample_cnn", "strided_conv", "wav2vec2"}
BY_TORCHAUDIO = {"torchaudio_mel", "wav2vec2"}


def members(union: object) -> list[type]:
    """The configurations of a registry."""
    return list(typing.get_args(typing.get_args(union)[0]))


def smaller(config: type[EncoderConfig]) -> EncoderConfig:
    """The default, but for the widths that make it slow."""
    return config(**({"width": 16} if "width" in config.model_fields else {}))


@cache
def frontend_of(name: str) -> Frontend:
    return next(config().build() for config in members(AnyFrontend) if config.model_fields["name"].default == name)


@pytest.mark.parametrize("config", members(AnyEncoder), ids=lambda config: config.model_fields["name"].default)
@pytest.mark.parametrize("frontend", [config.model_fields["name"].default for config in members(AnyFrontend)])
def test_it_learns_or_says_why_not(config: type[EncoderConfig], frontend: str) -> None:
    name = config.model_fields["name"].default
    if {name, frontend} & BY_TORCHAUDIO:
        needed()
    torch.manual_seed(0)
    front = frontend_of(frontend)
    clips = torch.rand(2, *front.contents.silence(front.frames(0.5)).shape)
    features = front(clips)
    reason = "raw samples" if (name in OF_SOUND) != (frontend == "waveform") else REFUSED.get((name, frontend))
    if reason:
        with pytest.raises(InputError, match=reason):
            smaller(config).build(shape_of(features))
        return
    encoder = smaller(config).build(shape_of(features))
    vectors = encoder(features)
    assert vectors.shape == (2, encoder.dimension)
    (vectors * torch.randn_like(vectors)).sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert any(p.grad.abs().max() > 0 for p in encoder.parameters() if p.grad is not None)
