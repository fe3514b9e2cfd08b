"""JoinNet: a network that scores whether one piece of music directly follows another, by lag profiles."""

from __future__ import annotations

from torch import Tensor, nn

from musicfeat_trainer.bundled.lag_profiles import LagProfiles
from musicfeat_trainer.encoders.residual import Residual
from musicfeat_trainer.encoders.time_last import TimeLastConv
from musicfeat_trainer.frontends.log_mel import band_sum


class JoinNet(nn.Module):
    """Scores of "a directly before b" from a spectrogram of narrow bands and coarse time.

    The trunk needs attacks and decays; joins need pitch and rhythm over seconds: 128 bands, frames 48 ms apart. A 7 x 5
    stem and one residual block stride over frequency, not time. The remaining bands are folded into channels, in
    numbers that suit vector units, and compared over lag.
    """

    def __init__(
        self, n_mels: int, piece_frames: int, stem: int = 16, width: int = 32, cut: int = 6, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.piece_frames = piece_frames
        self.stem = nn.Sequential(
            TimeLastConv(1, stem, (5, 7), (1, 4), (2, 3), bias=False), nn.BatchNorm2d(stem), nn.ReLU()
        )
        self.block = Residual(stem, width, stride=(1, 2), second=(3, 1))
        self.profiles = LagProfiles(width * (n_mels // 8), piece_frames, cut=cut, dropout=dropout)

    def forward(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel [batch, pieces * piece_frames, n_mels], silence 0 -> the two tables of ``LagProfiles``."""
        return self.profiles(*self.features(spectrogram))

    def features(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of lag profiles, [batch, width, bands / 8, frames], and the mask [batch, pieces, piece_frames]."""
        spectrogram = spectrogram.transpose(1, 2)
        mask = (band_sum(spectrogram)[:, 0] > 0).to(spectrogram.dtype)
        x = self.block(self.stem(spectrogram[:, None] * 0.25 - 1.0))
        return x, mask.reshape(-1, mask.shape[1] // self.piece_frames, self.piece_frames)
