"""Mel spectrogram in decibels by torchaudio itself, as in Siamusic's public code (Kim, Hong and Lee, 2022)."""

from __future__ import annotations

from torch import Tensor, nn

from musicfeat_trainer.frontends.mel_decibels import MelDecibelsSpec
from musicfeat_trainer.libraries import torchaudio


class TorchaudioMel(nn.Module):
    """``MelSpectrogram`` and ``AmplitudeToDB`` with the settings of a spec.

    Raises:
        InputError: torchaudio cannot be imported.
    """

    def __init__(self, spec: MelDecibelsSpec | None = None) -> None:
        super().__init__()
        self.spec = spec = spec or MelDecibelsSpec()
        transforms = torchaudio("transforms")
        self.mel = transforms.MelSpectrogram(
            spec.sample_rate, spec.n_fft, hop_length=spec.hop, f_min=spec.fmin, f_max=spec.fmax, n_mels=spec.n_mels
        )
        self.decibels = transforms.AmplitudeToDB(top_db=spec.top_db)
        for name, _ in [*self.mel.named_buffers()]:
            owner, _, leaf = name.rpartition(".")
            self.mel.get_submodule(owner)._non_persistent_buffers_set.add(leaf)

    def forward(self, waveform: Tensor) -> Tensor:
        """Decibels, [batch, samples] -> [batch, samples // hop + 1, n_mels]."""
        # One channel a clip: AmplitudeToDB counts top_db from the maximum of each clip of [batch, 1, ...].
        return self.decibels(self.mel(waveform[:, None]))[:, 0].transpose(1, 2)
