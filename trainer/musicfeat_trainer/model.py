"""SequenceModel: waveform in, every output of the model contract out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.config import EncoderConfig
from musicfeat_trainer.encoders.lag_profiles import LagProfiles
from musicfeat_trainer.encoders.temporal_net import PIECES, TemporalNet
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.objectives.jigsaw import out_of_order
from musicfeat_trainer.objectives.time_reversal import ReversalHead


class Outputs(NamedTuple):
    """The outputs of a model file, in its order."""

    embedding: Tensor  # [batch, D]
    frames: Tensor  # [batch, T, width]
    reversal: Tensor  # [batch], P(plays backwards)
    successor: Tensor  # [batch, 3, 3], score of piece a directly before piece b
    jigsaw: Tensor  # [batch], P(out of order)


class SequenceModel(nn.Module):
    """Spectrogram, trunk and heads over windows of fixed length.

    A window holds three pieces of ``piece_frames`` spectrogram frames each.
    """

    def __init__(self, spec: LogMelSpec, encoder: EncoderConfig, piece_frames: int) -> None:
        super().__init__()
        if piece_frames % 2:
            raise InputError(f"piece_frames must be even, got {piece_frames}")
        self.piece_frames = piece_frames
        self.frontend = LogMel(spec)
        self.trunk = TemporalNet(spec.n_mels, encoder.stem, encoder.early, encoder.widths, encoder.frames)
        self.reversal = ReversalHead(self.trunk.dimension, encoder.dropout)
        inputs = self.trunk.early_channels * self.trunk.early_bands
        self.joins = LagProfiles(inputs, piece_frames // 2, cut=encoder.cut, dropout=encoder.dropout)

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return PIECES * self.piece_frames * self.frontend.spec.hop

    @property
    def distance_samples(self) -> int:
        """Samples between the parts of neighbouring pieces that are compared."""
        return 4 * self.joins.cut * self.frontend.spec.hop

    def forward(self, waveform: Tensor) -> Outputs:
        """[batch, window_samples] float32, mono, any level."""
        trunk = self.trunk(self.frontend(waveform))
        successor = self.joins(trunk.early, trunk.early_mask)
        reversal = torch.sigmoid(self.reversal(trunk.embedding))
        return Outputs(trunk.embedding, trunk.frames, reversal, successor, out_of_order(successor))

    def train_outputs(self, groups: Tensor, flipped: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of groups of consecutive pieces, reversal logits of their beginnings and of flipped windows.

        One pass of the early layers serves both objectives, so that normalisation sees forward and
        backward music in the same batch.

        Args:
            groups: [g, n * piece_frames, bands] log-mel, n at least 3.
            flipped: [w, 3 * piece_frames, bands] log-mel.

        Returns:
            [g, n, n] scores, and [g + w] logits.
        """
        bands, pieces = groups.shape[2], groups.shape[1] // self.piece_frames
        cut = torch.cat([x.reshape(-1, self.piece_frames, bands) for x in (groups, flipped)])
        features, mask = (x.squeeze(1) for x in self.trunk.early_layers(cut, pieces=1))
        split = len(groups) * pieces
        group_features = features[:split].unflatten(0, (len(groups), pieces))
        group_mask = mask[:split].unflatten(0, (len(groups), pieces))
        windows = torch.cat([group_features[:, :PIECES], features[split:].unflatten(0, (-1, PIECES))])
        masks = torch.cat([group_mask[:, :PIECES], mask[split:].unflatten(0, (-1, PIECES))])
        logits = self.reversal(self.trunk.late_layers(windows, masks).embedding)
        return self.joins(group_features, group_mask), logits
