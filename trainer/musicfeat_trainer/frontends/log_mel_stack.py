"""A log-mel spectrogram as the three channels of a picture, for encoders made for pictures.

The contrastive audio classifiers of Berkeley (2022) hand an ESResNet the same log-mel spectrogram in all three
channels, in place of the three bands of frequency of Guzhov et al. (2020), so that weights learnt from pictures fit,
at the price of redundancy, as its chapter 4 says. That is the default. Other inputs for each channel are its
future work; here the channels may differ as in Palanisamy, Singhania and Yao, "Rethinking CNN models for audio
classification" (2020): in the length of the frame, ``frame_hops = [2, 4, 8]`` being 25, 50 and 100 ms, all at one hop
of 12.5 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.frontends.log_mel import LogMel


@dataclass(frozen=True)
class LogMelStackSpec:
    """Channels for several frame lengths, of which equal ones share a spectrogram; all else is the same for all.

    With an odd hop and even numbers of hops, a clip of whole hops played backwards is flipped exactly.
    """

    base: LogMelSpec = field(default_factory=lambda: LogMelSpec(n_fft=550, hop=275, n_mels=128, fmax=11025.0))
    frame_hops: tuple[int, ...] = (2, 2, 2)
    """Length of each channel's frame in hops."""

    def __post_init__(self) -> None:
        if not self.frame_hops or min(self.frame_hops) < 1:
            raise InputError(f"frame lengths must be 1 hop or more, got {self.frame_hops}")

    @property
    def channels(self) -> tuple[LogMelSpec, ...]:
        """Spectrogram of each channel."""
        return tuple(replace(self.base, n_fft=hops * self.base.hop) for hops in self.frame_hops)


class LogMelStack(nn.Module):
    """Stack of spectrograms whose time and bands line up: frame ``t`` of each channel is centred on the same place."""

    def __init__(self, spec: LogMelStackSpec | None = None) -> None:
        super().__init__()
        self.spec = spec or LogMelStackSpec()
        channels = self.spec.channels
        self.different = list(dict.fromkeys(channels))
        self.places = [self.different.index(channel) for channel in channels]
        self.spectrograms = nn.ModuleList(LogMel(channel) for channel in self.different)

    def forward(self, waveform: Tensor) -> Tensor:
        """Log-mels, [batch, samples] -> [batch, channels, samples // hop, n_mels]; as ``musicfeat.sound.log_mel``."""
        found = [spectrogram(waveform) for spectrogram in self.spectrograms]
        return torch.stack([found[place] for place in self.places], dim=1)
