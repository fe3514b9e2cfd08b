"""Three log-mel spectrograms of one waveform as the three channels of a picture, for encoders made for pictures.

The contrastive audio classifiers of Berkeley (2022) feed an ESResNet three stacked log-mel spectrograms, in place of
the three bands of frequency of Guzhov et al. (2020), and leave open in what they differ. Here they differ as in
Palanisamy, Singhania and Yao, "Rethinking CNN models for audio classification" (2020): in the length of the frame,
25, 50 and 100 ms. There the hop differs too, and pictures are resized to one size; here all share a hop of 12.5 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.frontends.log_mel import LogMel


@dataclass(frozen=True)
class LogMelStackSpec:
    """One log-mel spectrogram for every frame length; all else is the same for all.

    With an odd hop and even numbers of hops, a clip of whole hops played backwards is flipped exactly.
    """

    base: LogMelSpec = field(default_factory=lambda: LogMelSpec(n_fft=550, hop=275, n_mels=128, fmax=11025.0))
    frame_hops: tuple[int, ...] = (2, 4, 8)
    """The length of each channel's frame in hops."""

    def __post_init__(self) -> None:
        if not self.frame_hops or min(self.frame_hops) < 1:
            raise InputError(f"frame lengths must be 1 hop or more, got {self.frame_hops}")

    @property
    def channels(self) -> tuple[LogMelSpec, ...]:
        """The spectrogram of each channel."""
        return tuple(replace(self.base, n_fft=hops * self.base.hop) for hops in self.frame_hops)


class LogMelStack(nn.Module):
    """Time and bands line up over the channels: frame ``t`` of each is centred on the same place."""

    def __init__(self, spec: LogMelStackSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or LogMelStackSpec()
        self.channels = nn.ModuleList(LogMel(channel) for channel in self.spec.channels)

    def forward(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> [batch, channels, samples // hop, n_mels]; each as ``musicfeat.log_mel.log_mel``."""
        return torch.stack([channel(waveform) for channel in self.channels], dim=1)
