"""Interface of every frontend for the methods: the contents that it reads, and features of known shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.data.contents import Contents, Waveform


class Frontend(nn.Module):
    """Transform of clips to an encoder's features, without weights.

    Args:
        transform: clips to pictures, [batch, frames, bands] or [batch, channels, frames, bands]; None keeps them.
        contents: contents that clips are cut from.
    """

    def __init__(self, transform: nn.Module | None, contents: Contents) -> None:
        super().__init__()
        self.transform, self.contents = transform, contents

    def frames(self, seconds: float) -> int:
        """Frames of the contents in ``seconds``."""
        return round(seconds / self.contents.frame_seconds)

    @property
    def reads_samples(self) -> bool:
        """True if clips are sound, [batch, samples]."""
        return isinstance(self.contents, Waveform)

    def silence(self, seconds: float) -> Tensor:
        """Features of one silent clip, [1, ...]."""
        with torch.no_grad():
            return self(torch.from_numpy(self.contents.silence(self.frames(seconds)))[None])

    def forward(self, clips: Tensor) -> Tensor:
        """Features [batch, channels, frames, bands], or [batch, samples] without a transform."""
        if self.transform is None:
            return clips
        features = self.transform(clips)
        return features if features.ndim == 4 else features[:, None]
