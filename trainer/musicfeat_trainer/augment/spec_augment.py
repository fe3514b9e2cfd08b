"""SpecAugment: masks of time and of bands, and a warp of time (Park et al., Interspeech 2019)."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import uniform
from musicfeat_trainer.augment.masks import blanked, stripes


class SpecAugment(Augmentation):
    """Stripes of time and of bands at the picture's mean, and an optional warp of time.

    Widths are shares, as pictures differ in size. Two masks each is the policy LD. A band mask covers up to 27 of its
    80 bands; a time mask up to 0.2 of the frames, the bound p of the policies for Switchboard, as LD's 100 frames are
    1 s of long utterances. The warp is off, as the contrastive classifiers of Berkeley (2022) use only masks.
    """

    name: Literal["spec_augment"] = "spec_augment"
    time_masks: int = Field(2, ge=0)
    band_masks: int = Field(2, ge=0)
    widest_time: float = Field(0.2, ge=0, le=1)
    """Greatest width of a mask as a share of the frames; widths are uniform up to it."""
    widest_bands: float = Field(27 / 80, ge=0, le=1)
    warp: float = Field(0.0, ge=0, lt=0.5)
    """Greatest distance that a place moves, as a share of the frames."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        count, _, frames, bands = clips.shape
        warped = self._warped(clips, generator) if self.warp else clips
        where = torch.zeros(count, 1, frames, bands, dtype=torch.bool)
        for _ in range(self.time_masks):
            where |= stripes(frames, self.widest_time, count, generator)[:, None, :, None]
        for _ in range(self.band_masks):
            where |= stripes(bands, self.widest_bands, count, generator)[:, None, None, :]
        return blanked(warped, where)

    def _warped(self, clips: Tensor, generator: torch.Generator) -> Tensor:
        """Clips with a place ``warp`` or more off the edges moved by up to ``warp``; other times follow linearly."""
        place = uniform((self.warp, 1 - self.warp), len(clips), generator)
        moved = place + uniform((-self.warp, self.warp), len(clips), generator)
        return warped(clips, place.clamp(0.01, 0.99), moved.clamp(0.01, 0.99))


def warped(clips: Tensor, place: Tensor, moved: Tensor) -> Tensor:
    """Pictures [n, channels, frames, bands] with ``place``, [n] in 0 to 1, moved to ``moved``; the ends stay."""
    last = clips.shape[2] - 1
    time = torch.linspace(0, 1, last + 1)[None]
    place, moved = place[:, None], moved[:, None]
    before, after = time * place / moved, 1 - (1 - time) * (1 - place) / (1 - moved)
    source = (torch.where(time < moved, before, after) * last).clamp(0, last).to(clips.device)
    index = source.long().clamp(max=max(last - 1, 0))
    share = (source - index)[:, None, :, None]
    early, late = (_rows(clips, (index + i).clamp(max=last)) for i in range(2))
    return early.lerp(late, share)


def _rows(clips: Tensor, index: Tensor) -> Tensor:
    """Frames of each clip by ``index`` [n, frames]."""
    return clips.gather(2, index[:, None, :, None].expand(-1, clips.shape[1], -1, clips.shape[3]))
