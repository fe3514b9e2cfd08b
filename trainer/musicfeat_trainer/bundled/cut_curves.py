"""Cuts: the network that yields the curves of cuts and of backward music, with its inputs and its calibration."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.confirmation import confirmation
from musicfeat_trainer.bundled.cut_net import BACKWARDS_FRAMES, CUT_FRAMES, CutNet
from musicfeat_trainer.bundled.lag_profiles import Keys, LagProfiles
from musicfeat_trainer.bundled.period_breaks import POOL, PeriodCurves, pooled_keys
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.recipe.bundled import CutsConfig


class Cuts(nn.Module):
    """Network from what is heard in a window to P(a cut here) and P(this plays backwards) over time.

    Args:
        config: settings of the spectrum and of the network.
        window: samples of a window.
        heads: heads of the joins' keys.
    """

    cut_weights: Tensor
    backwards_weights: Tensor

    def __init__(self, config: CutsConfig, window: int, heads: int) -> None:
        super().__init__()
        self.frontend = LogMel(config.frontend)
        if window % (config.frontend.step * BACKWARDS_FRAMES):
            raise InputError(f"window {window} must be a multiple of {BACKWARDS_FRAMES} frames of cuts.frontend")
        frames = window // (config.frontend.step * CUT_FRAMES)
        self.period_curves = PeriodCurves(frames // POOL, config.lags, config.memory)
        self.net = CutNet(config.frontend.n_mels, heads, config)
        self.register_buffer("cut_weights", torch.tensor([1.0, 0.0, 0.0]))  # of the network, of the joins; offset
        self.register_buffer("backwards_weights", torch.tensor([1.0, 0.0]))

    @property
    def cut_seconds(self) -> float:
        """Seconds from one value of the cut curve to the next."""
        return CUT_FRAMES * self.frontend.spec.step / self.frontend.spec.sample_rate

    @property
    def backwards_seconds(self) -> float:
        """Seconds from one value of the curve of backward music to the next."""
        return BACKWARDS_FRAMES * self.frontend.spec.step / self.frontend.spec.sample_rate

    def periods(self, keys: Keys) -> Tensor:
        """Curves of the periods, [batch, 4 * heads, lags, T // 4]."""
        return self.period_curves(pooled_keys(keys.values, keys.mask))

    def forward(self, spectrogram: Tensor, sounds: Tensor, keys: Keys, profiles: LagProfiles) -> tuple[Tensor, Tensor]:
        """P(cut) [batch, T // 2], 0 in digital silence, and P(backwards) [batch, T // 12], one half there.

        Args:
            spectrogram: log-mel, silence 0, [batch, T, n_mels].
            sounds: 1 for a frame that sounds, else 0, [batch, T].
            keys: of the joins, T // 2 frames of them.
            profiles: the joins' comparison of pieces.
        """
        cut, backwards = self.net(spectrogram, self.periods(keys))
        there, long = (sounding(sounds, frames) for frames in (CUT_FRAMES, BACKWARDS_FRAMES))
        cut = weighed(self.cut_weights, cut, confirmation(cut, keys, profiles))
        return torch.sigmoid(cut) * there, torch.sigmoid(weighed(self.backwards_weights, backwards) * long)


def weighed(weights: Tensor, *evidence: Tensor) -> Tensor:
    """Log-odds from all evidence: its sum, each by its weight, and the last of the weights."""
    return sum((weight * part for weight, part in zip(weights, evidence, strict=False)), start=weights[-1])


def sounding(sounds: Tensor, frames: int) -> Tensor:
    """1 where any of ``frames`` neighbouring frames sounds, else 0: [batch, T] -> [batch, T // frames]."""
    return sounds.reshape(sounds.shape[0], -1, frames).amax(dim=2)
