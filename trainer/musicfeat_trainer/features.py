"""What frontends hand to encoders."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from musicfeat.errors import InputError


class Shape(NamedTuple):
    """Of features, without the batch: a picture [channels, frames, bands], or a waveform [frames] of no bands."""

    channels: int
    frames: int
    bands: int = 0

    @property
    def is_waveform(self) -> bool:
        """Whether features are raw samples, [batch, frames]."""
        return self.bands == 0

    def need_picture(self, encoder: str) -> None:
        """Raise InputError, naming the encoder, unless features are pictures."""
        if self.is_waveform:
            raise InputError(f"{encoder} reads pictures, not raw samples: choose a frontend such as log_mel or cqt")

    def need_waveform(self, encoder: str) -> None:
        """Raise InputError, naming the encoder, unless features are raw samples."""
        if not self.is_waveform:
            raise InputError(f"{encoder} reads raw samples: choose the frontend waveform")


def shape_of(features: Tensor) -> Shape:
    """The shape of a batch of features, [batch, channels, frames, bands] or [batch, samples]."""
    return Shape(1, features.shape[1]) if features.ndim == 2 else Shape(*features.shape[1:])


def time_axis(features: Tensor) -> int:
    """Samples lie on the last axis, the frames of pictures on the last but one."""
    return 1 if features.ndim == 2 else 2
