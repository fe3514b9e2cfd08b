"""Pictures stretched and squeezed cell by cell along both sides."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import uniform


class GridDistortion(Augmentation):
    """Cells of a grid, each stretched or squeezed by up to 30 %. Siamusic's public code, by way of Albumentations.

    Buslaev et al., "Albumentations: fast and flexible image augmentations" (2020): each side is cut into cells, whose
    lengths are multiplied by factors drawn uniformly; here lengths are then scaled to fill the side, so that nothing
    leaves the picture. Between places the picture is read linearly. The probability is left open; 0.5 is the library's.
    """

    name: Literal["grid_distortion"] = "grid_distortion"
    probability: float = Field(0.5, ge=0, le=1)
    cells: int = Field(5, ge=1)
    """Number of cells of each side."""
    limit: float = Field(0.3, ge=0, lt=1)
    """Greatest change of a cell's length, as a share of it."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        for axis in (2, 3):
            knots = self._knots(len(clips), generator).to(clips)
            clips = read_along(clips, axis, places(clips.shape[axis], knots))
        return clips

    def _knots(self, count: int, generator: torch.Generator) -> Tensor:
        """Positions of the new cells' edges in the old picture, from 0 to 1, [count, cells + 1]."""
        factors = 1 + uniform((-self.limit, self.limit), count * self.cells, generator).view(count, self.cells)
        edges = factors.cumsum(1) / factors.sum(1, keepdim=True)
        return torch.nn.functional.pad(edges, (1, 0))


def places(size: int, knots: Tensor) -> Tensor:
    """Positions [n, size] to read each of ``size`` places at, 0 to size - 1, linear between knots [n, cells + 1]."""
    cells = knots.shape[1] - 1
    at = torch.linspace(0, cells, size, device=knots.device).expand(len(knots), -1)
    cell = at.long().clamp(max=cells - 1)
    early, late = knots.gather(1, cell), knots.gather(1, cell + 1)
    return (early + (late - early) * (at - cell)) * (size - 1)


def read_along(clips: Tensor, axis: int, at: Tensor) -> Tensor:
    """Pictures [n, channels, frames, bands] read linearly at fractional places [n, size] of an axis (2 or 3)."""
    size = clips.shape[axis]
    early = at.long().clamp(0, max(size - 2, 0))
    shape = [len(clips), 1, 1, 1]
    shape[axis] = size
    share = (at - early).view(shape)
    whole = [(early + i).clamp(max=size - 1).view(shape).expand(clips.shape) for i in range(2)]
    return clips.gather(axis, whole[0]).lerp(clips.gather(axis, whole[1]), share)
