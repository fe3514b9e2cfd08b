"""Linear discriminant analysis: directions in which tracks differ more than clips of one track (Rao, 1948)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

SHRINKAGE = 0.5
"""Share of the identity in the covariance within tracks, whose estimate from few clips per track is noisy."""


class Discriminant(nn.Module):
    """A linear map without gradient, [batch, dimension] -> [batch, width]; random until it is fitted."""

    def __init__(self, dimension: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dimension, min(width, dimension)).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)

    @torch.no_grad()
    def fit(self, clips: npt.NDArray[np.floating], tracks: npt.NDArray[np.integer]) -> None:
        """Fit the map to clips: centred, directions as wide as they tell tracks apart, unit variance on average.

        Args:
            clips: [clips, dimension].
            tracks: track number of each clip, [clips]; at least two tracks, one of them with two clips.
        """
        scaler = StandardScaler().fit(clips)
        analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE)
        directions = analysis.fit(scaler.transform(clips), tracks).scalings_[:, : self.linear.out_features]
        weight = directions / scaler.scale_[:, None]
        found = clips @ weight
        scale = np.sqrt(found.var(axis=0).mean())
        self.linear.weight.copy_(torch.from_numpy((weight / scale).T))
        self.linear.bias.copy_(torch.from_numpy(-found.mean(axis=0) / scale))
