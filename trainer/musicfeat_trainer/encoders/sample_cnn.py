"""SampleCNN: raw waveforms to one vector, by convolutions over three samples at a time."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.features import Shape

WINDOW = 3**10
"""Samples of the input: 2.68 s at 22.05 kHz."""
WIDTHS = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512)
DIMENSION = 512


class SampleCNNConfig(EncoderConfig):
    """SampleCNN for 59 049 raw samples."""

    name: Literal["sample_cnn"] = "sample_cnn"

    def build(self, shape: Shape) -> Encoder:
        shape.need_waveform(self.name)
        if shape.frames != WINDOW:
            raise InputError(f"sample_cnn takes clips of {WINDOW} samples, got {shape.frames}: set clips.seconds")
        return SampleCNN()


class SampleCNN(Encoder):
    """The 3^9 model of Lee, Park, Kim and Nam, 'Sample-level deep convolutional neural networks for music auto-tagging
    using raw waveforms' (2017), up to its last hidden layer; the encoder of CLMR (Spijkervet and Burgoyne, 2021).

    The layers: a convolution of three samples with stride three, nine of three with a maximum over three, and one of a
    single sample, each with batch normalisation and rectifier; widths as in the authors' code. CLMR's code gives the
    last one three taps, of which the outer two only meet padding: the middle ones are the weights here.

    1 844 224 parameters, 5 888 of them in batch normalisation.
    """

    dimension = DIMENSION

    def __init__(self) -> None:
        super().__init__()
        layers = _layer(nn.Conv1d(1, WIDTHS[0], 3, stride=3))
        for inputs, outputs in pairwise(WIDTHS):
            layers += [*_layer(nn.Conv1d(inputs, outputs, 3, padding=1)), nn.MaxPool1d(3)]
        self.layers = nn.Sequential(*layers, *_layer(nn.Conv1d(WIDTHS[-1], DIMENSION, 1)))

    def forward(self, waveform: Tensor) -> Tensor:
        """Vectors [batch, ``DIMENSION``], at least 0, of mono waveforms [batch, ``WINDOW``] float32 of about [-1, 1].

        Raises:
            InputError: waveforms have another length.
        """
        if waveform.shape[1] != WINDOW:
            raise InputError(f"SampleCNN takes windows of {WINDOW} samples, got {waveform.shape[1]}")
        return self.layers(waveform[:, None]).squeeze(2)


def _layer(convolution: nn.Conv1d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm1d(convolution.out_channels), nn.ReLU()]
