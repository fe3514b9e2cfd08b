"""Features that frontends hand to encoders."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from musicfeat.errors import InputError


class Shape(NamedTuple):
    """Shape of features without the batch: a picture [channels, frames, bands], or a waveform [frames] of no bands."""

    channels: int
    frames: int
    bands: int = 0

    @property
    def is_waveform(self) -> bool:
        """True if features are raw samples, [batch, frames]."""
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
    """Shape of a batch of features, [batch, channels, frames, bands] or [batch, samples]."""
    return Shape(1, features.shape[1]) if features.ndim == 2 else Shape(*features.shape[1:])


def time_axis(features: Tensor) -> int:
    """Axis of time: the last one of samples, the last but one of pictures."""
    return 1 if features.ndim == 2 else 2
