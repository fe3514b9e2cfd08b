"""TemporalNet: the trunk that yields embedding, frames, reversal and tags."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder, EncoderConfig
from musicfeat_trainer.encoders.residual import Residual
from musicfeat_trainer.encoders.time_last import TimeLastConv
from musicfeat_trainer.features import Shape

CEPSTRUM = 20
BAND_STEP = 32
"""Number of bands that the strides fold into one."""


class TemporalNetConfig(EncoderConfig):
    """Our own trunk over a log-mel spectrogram: as cheap as decoding, pooled over the frames that sound."""

    name: Literal["temporal_net"] = "temporal_net"
    stem: tuple[int, int] = (16, 32)
    widths: tuple[int, int, int] = (48, 64, 128)
    frames: int = 160

    def build(self, shape: Shape) -> Encoder:
        shape.need_picture(self.name)
        if shape.channels != 1 or shape.bands % BAND_STEP:
            raise InputError(
                f"{self.name} reads one channel of {BAND_STEP} bands or a multiple, where silence is 0, "
                f"got {shape.channels} of {shape.bands}: choose the frontend log_mel"
            )
        return TemporalEncoder(TemporalNet(shape.bands, self.stem, self.widths, self.frames))


class TemporalEncoder(Encoder):
    """TemporalNet as an encoder, with its pooled vector."""

    def __init__(self, net: TemporalNet) -> None:
        super().__init__()
        self.net, self.dimension = net, net.dimension

    def forward(self, features: Tensor) -> Tensor:
        """Standardised vectors [batch, ``dimension``] of log-mel [batch, 1, frames, bands], silence 0."""
        return self.net(features[:, 0]).pooled


class TrunkOutput(NamedTuple):
    """Inputs of the heads from T spectrogram frames."""

    pooled: Tensor  # [batch, dimension], statistics of all layers, standardised
    frames: Tensor  # [batch, T / 16, width]
    early: Tensor  # [batch, channels, bands / 8, T / 4]
    middle: Tensor  # [batch, channels, bands / 16, T / 8]
    mask: Tensor  # [batch, 1, T], 0 for padding and silence

    @property
    def cepstrum(self) -> Tensor:
        """Mean and deviation of the cepstrum, standardised, [batch, 40]."""
        return self.pooled[:, -2 * CEPSTRUM :]


class Layers(NamedTuple):
    """Layers of TemporalNet over T spectrogram frames."""

    early: Tensor  # [batch, channels, bands / 8, T / 4]
    middle: Tensor  # [batch, channels, bands / 16, T / 8]
    last: Tensor  # [batch, frames, T / 16]

    def float(self) -> Layers:
        """The layers in single precision."""
        return Layers(*(layer.float() for layer in self))


class TemporalNet(nn.Module):
    """A residual network over a log-mel window, cheap enough that decoding the file costs more.

    Two convolutions and three residual blocks stride over time and frequency, a convolution folds the remaining
    bands into channels, and a dilated one looks further over time. The pooled vector holds mean and maximum of the
    last layer and of a middle one, and mean and deviation of the cepstrum (20 MFCC), which networks hardly keep;
    each dimension is standardised over the training data.
    """

    time_step = 16
    """Number of spectrogram frames for one row of ``frames``."""

    cosines: Tensor

    def __init__(
        self,
        n_mels: int = 64,
        stem: tuple[int, int] = (16, 32),
        widths: tuple[int, int, int] = (48, 64, 128),
        frames: int = 160,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            TimeLastConv(1, stem[0], 5, 2, 2, bias=False), nn.BatchNorm2d(stem[0]), nn.ReLU(),
            TimeLastConv(stem[0], stem[1], 3, (1, 2), 1, bias=False), nn.BatchNorm2d(stem[1]), nn.ReLU(),
        )  # fmt: skip
        self.block1 = Residual(stem[1], widths[0], stride=(2, 2))
        self.block2 = Residual(widths[0], widths[1], stride=(2, 2))
        self.block3 = Residual(widths[1], widths[2], stride=(2, 2))
        self.temporal = nn.Sequential(
            TimeLastConv(widths[2], frames, (3, n_mels // 32), padding=(1, 0), bias=False),
            nn.BatchNorm2d(frames),
            nn.ReLU(),
            TimeLastConv(frames, frames, (3, 1), padding=(2, 0), dilation=(2, 1), bias=False),
            nn.BatchNorm2d(frames),
            nn.ReLU(),
        )
        self.register_buffer("cosines", torch.tensor(cosine_transform(n_mels), dtype=torch.float32))
        self.dimension = pooled_dimension(widths, frames)
        self.timbre_dimension = 2 * widths[1] * (n_mels // 16) + 2 * CEPSTRUM
        self.standardise = nn.BatchNorm1d(self.dimension, affine=False)

    def forward(self, spectrogram: Tensor) -> TrunkOutput:
        """Inputs of the heads, from log-mel [batch, T, n_mels], silence 0."""
        return self.summary(spectrogram, self.layers(spectrogram))

    def layers(self, spectrogram: Tensor) -> Layers:
        """Layers over log-mel [batch, T, n_mels]."""
        early = self.block1(self.stem(spectrogram.transpose(1, 2)[:, None] * 0.25 - 1.0))
        middle = self.block2(early)
        return Layers(early, middle, self.temporal(self.block3(middle)).squeeze(2))

    def summary(self, spectrogram: Tensor, layers: Layers) -> TrunkOutput:
        """Pooled statistics over the frames that sound, with the layers."""
        early, middle, last = layers
        spectrogram = spectrogram.transpose(1, 2)
        cepstrum = self.cosines.T @ spectrogram
        mask = (cepstrum[:, :1] > 0).to(spectrogram.dtype)  # its first number is a multiple of the bands' sum
        parts = [
            *mean_and_maximum(last, mask[..., ::16]),
            *mean_and_maximum(middle.mean(2), mask[..., ::8]),
            *mean_and_deviation(cepstrum, mask),
        ]
        pooled = self.standardise(torch.cat(parts, dim=1))
        return TrunkOutput(pooled, last.transpose(1, 2), early, middle, mask)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        """Load weights; older ones, from before the transform was orthonormal, get a first column larger by sqrt 2."""
        if f"{prefix}cosines" not in state_dict:
            older = torch.tensor(cosine_transform(len(self.cosines)), dtype=torch.float32)
            older[:, 0] *= 2**0.5
            state_dict[f"{prefix}cosines"] = older
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @staticmethod
    def timbre(trunk: TrunkOutput) -> Tensor:
        """Mean and deviation of the middle layer in each of its bands, and the cepstrum: [batch, timbre_dimension].

        A maximum over frames 0.19 s apart depends on the peaks that the frames hit: it changed with shifts of 25 ms.
        """
        return torch.cat([*mean_and_deviation(trunk.middle.flatten(1, 2), trunk.mask[..., ::8]), trunk.cepstrum], dim=1)


def pooled_dimension(widths: tuple[int, int, int], frames: int) -> int:
    """Length of the pooled vector of a net with these widths."""
    return 2 * (frames + widths[1] + CEPSTRUM)


def cosine_transform(bands: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Orthonormal DCT-II from a log-mel frame to ``CEPSTRUM`` coefficients, [bands, CEPSTRUM]."""
    angle = np.pi / bands * np.outer(np.arange(bands) + 0.5, np.arange(CEPSTRUM))
    scale = np.sqrt(np.where(np.arange(CEPSTRUM) == 0, 1, 2) / bands)
    return np.cos(angle) * scale


def mean_and_maximum(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum over the last axis where ``mask`` is 1: [batch, C, T], at least 0 -> two of [batch, C]."""
    masked = x * mask
    return masked.sum(2) / mask.sum(2).clamp(min=1.0), masked.amax(2)


def mean_and_deviation(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the last axis where ``mask`` is 1: [batch, C, T] -> two of [batch, C]."""
    count = mask.sum(2).clamp(min=1.0)
    mean = (x * mask).sum(2) / count
    square = ((x - mean[..., None]) * mask).square().sum(2) / count
    return mean, square.clamp(min=1e-8).sqrt()
