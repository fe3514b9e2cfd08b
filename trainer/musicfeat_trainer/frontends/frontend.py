"""What every frontend offers to the methods: which contents it reads, and features of known shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat_trainer.data.contents import Contents, Waveform


class Frontend(nn.Module):
    """Clips to what an encoder reads; a frontend without weights.

    Args:
        transform: clips to pictures, [batch, frames, bands] or [batch, channels, frames, bands]; None keeps them.
        contents: what clips are cut from.
    """

    def __init__(self, transform: nn.Module | None, contents: Contents) -> None:
        super().__init__()
        self.transform, self.contents = transform, contents

    def frames(self, seconds: float) -> int:
        """Of the contents, in so many seconds."""
        return round(seconds / self.contents.frame_seconds)

    @property
    def reads_samples(self) -> bool:
        """Whether clips are [batch, samples] of sound."""
        return isinstance(self.contents, Waveform)

    def silence(self, seconds: float) -> Tensor:
        """The features of one clip of nothing, [1, ...]."""
        with torch.no_grad():
            return self(torch.from_numpy(self.contents.silence(self.frames(seconds)))[None])

    def forward(self, clips: Tensor) -> Tensor:
        """Features [batch, channels, frames, bands], or [batch, samples] where there is nothing to transform."""
        if self.transform is None:
            return clips
        features = self.transform(clips)
        return features if features.ndim == 4 else features[:, None]
