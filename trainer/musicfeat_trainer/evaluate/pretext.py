"""How well a model knows time: reversal and order of pieces on whole clips, chance beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.data.store import SpectrogramStore, Track
from musicfeat_trainer.encoders.temporal_net import PIECES
from musicfeat_trainer.model import SequenceModel
from musicfeat_trainer.objectives.jigsaw import order_logits, out_of_order

BATCH = 16
CHANCE = {"reversal": 1 / 2, "exact_order": 1 / 6, "shuffled": 1 / 2}


@dataclass(frozen=True)
class PretextScores:
    """Shares from 0 to 1, named as in ``CHANCE``: reversal, exact order of three, shuffled-or-not."""

    reversal: float
    exact_order: float
    shuffled: float

    @property
    def mean(self) -> float:
        """What early stopping watches."""
        return (self.reversal + self.exact_order + self.shuffled) / 3


def fixed_clips(store: SpectrogramStore, tracks: list[Track], frames: int, per_track: int) -> Tensor:
    """Evenly spread, non-overlapping clips of each track: [clips, frames, bands] mel power.

    Raises:
        InputError: no track is long enough.
    """
    clips = []
    for track in tracks:
        count = min(per_track, track.frames // frames)
        starts = track.start + np.linspace(0, track.frames - frames, count).astype(int)
        clips += [np.exp(store.values[start : start + frames].astype(np.float32)) for start in starts]
    if not clips:
        raise InputError(
            f"none of {len(tracks)} held-out tracks lasts {frames} spectrogram frames: hold out longer ones"
        )
    return torch.from_numpy(np.stack(clips))


@torch.no_grad()
def evaluate_pretext(model: SequenceModel, clips: Tensor) -> PretextScores:
    """Balanced figures over clips of [n, 3 * piece_frames, bands] mel power.

    Reversal judges every clip forwards and backwards. Shuffled-or-not judges every clip in order and
    in one other order, each of the five in turn.
    """
    device = next(model.eval().parameters()).device
    right = {"reversal": 0.0, "exact_order": 0.0, "shuffled": 0.0}
    others = list(permutations(range(PIECES)))[1:]
    for first in range(0, len(clips), BATCH):
        spectrogram = model.frontend.normalise(clips[first : first + BATCH].to(device))
        forward, backward = model.trunk(spectrogram), model.trunk(spectrogram.flip(1))
        right["reversal"] += float((model.reversal(forward.embedding) < 0).sum()) / 2
        right["reversal"] += float((model.reversal(backward.embedding) > 0).sum()) / 2
        scores = model.joins(forward.early, forward.early_mask)
        right["exact_order"] += float((order_logits(scores).argmax(1) == 0).sum())
        right["shuffled"] += float((out_of_order(scores) < 0.5).sum()) / 2
        for i, table in enumerate(scores):
            order = torch.tensor(others[(first + i) % len(others)])
            right["shuffled"] += float(out_of_order(table[order][:, order][None]) > 0.5) / 2
    return PretextScores(**{key: value / len(clips) for key, value in right.items()})
