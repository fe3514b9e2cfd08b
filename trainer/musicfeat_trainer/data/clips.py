"""Random clips of waveform stores for self-supervision, each batch a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.data.contents import FULL_SCALE
from musicfeat_trainer.data.store import Store
from musicfeat_trainer.data.teachers import Lessons
from musicfeat_trainer.data.tracks import Track
from musicfeat_trainer.section import Section

Stretch: TypeAlias = tuple[str, float, float]
"""Path of a track, with the first and last second of the stretch."""


class ClipsConfig(Section):
    """Settings by which clips are drawn from stretches of music; memory banks remember each stretch as an instance."""

    seconds: float = Field(gt=0)
    """Seconds of a clip."""
    margin: float = Field(0.0, ge=0)
    """Seconds of music before and after a clip that frontends read and encoders do not, so that no edge shows."""
    stretch: float | None = None
    """Seconds of a stretch; None: as long as the clips of one drawing need."""
    pad: bool = False
    """True if shorter tracks are drawn, too, with silence behind their end; False: they are left out."""
    relation: Literal["same", "within", "next"] = "same"
    """Relation of the views of a drawing: one clip, clips anywhere in its stretch, or each directly after the last."""


class Clips(NamedTuple):
    """Drawn clips: ``views`` of [batch, frames, ...], and the stretch that each comes from, [batch]."""

    views: tuple[Tensor, ...]
    instances: Tensor
    said: Tensor | None = None
    """Teachers' answers for the stretches, [batch, all their numbers]; None without teachers."""

    def to(self, device: torch.device) -> Clips:
        """Clips moved to a device."""
        views = tuple(view.to(device, non_blocking=True) for view in self.views)
        said = None if self.said is None else self.said.to(device)
        return Clips(views, self.instances.to(device), said)


class ClipSampler:
    """Sampler of clips from the stretches of some tracks; every stretch is equally likely.

    Args:
        stores: one for each view, or one for all; stores of other contents of the same tracks are read at the
            same seconds.
        tracks: tracks of the first store to draw from.
        config: settings of the drawing.
        lengths: frames of a clip with its margins in each store.
        lessons: teachers' answers for the tracks, if the method needs them.

    Raises:
        InputError: no track is long enough, or a store lacks a track.
    """

    def __init__(
        self,
        stores: Sequence[Store],
        tracks: Sequence[Track],
        config: ClipsConfig,
        lengths: Sequence[int],
        lessons: Lessons | None = None,
    ) -> None:
        self.stores, self.config, self.lengths, self.lessons = stores, config, lengths, lessons
        self.places = [{track.path: track for track in store.tracks} for store in stores]
        per_drawing = config.seconds * (len(stores) if config.relation == "next" else 1) + 2 * config.margin
        stretch = max(config.stretch or per_drawing, per_drawing)
        self.stretches: list[Stretch] = [
            (track.path, start, min(start + stretch, seconds))
            for track in tracks
            if (seconds := track.frames * stores[0].frame_seconds) and all(track.path in p for p in self.places)
            for start in beginnings(seconds, per_drawing, stretch, pad=config.pad)
        ]
        self.needed = per_drawing
        if not self.stretches:
            raise InputError(f"none of {len(tracks)} tracks lasts {per_drawing:g} s: shorter clips, or more music")

    def draw(self, count: int, generator: np.random.Generator) -> Clips:
        """Clips of ``count`` stretches, different ones where there are enough."""
        chosen = generator.choice(len(self.stretches), size=count, replace=count > len(self.stretches))
        rows = [self._views(self.stretches[i], generator) for i in chosen]
        views = tuple(torch.from_numpy(np.stack(view)) for view in zip(*rows, strict=True))
        return Clips(views, torch.from_numpy(chosen.astype(np.int64)), self._said(chosen))

    def _said(self, chosen: npt.NDArray[np.integer]) -> Tensor | None:
        if not self.lessons:
            return None
        return torch.from_numpy(np.stack([self.lessons.window(*self.stretches[i]) for i in chosen]))

    def _views(self, stretch: Stretch, generator: np.random.Generator) -> list[npt.NDArray[np.float32]]:
        path, first, last = stretch
        slack = max(0.0, last - first - self.needed)
        start = first + generator.random() * slack
        starts = []
        for view in range(len(self.stores)):
            moved = first + generator.random() * slack if self.config.relation == "within" and view else start
            starts.append(moved + self.config.seconds * view * (self.config.relation == "next"))
        return [self._read(view, path, at) for view, at in enumerate(starts)]

    def _read(self, view: int, path: str, at: float) -> npt.NDArray[np.float32]:
        store, track, frames = self.stores[view], self.places[view][path], self.lengths[view]
        begin = min(round(at / store.frame_seconds), max(0, track.frames - frames))
        return excerpt(store, track, begin, min(begin + frames, track.frames), frames)


def beginnings(seconds: float, needed: float, stretch: float, *, pad: bool) -> list[float]:
    """First seconds of a track's stretches, each long enough for a drawing or, padded, a whole short track."""
    if pad and 0 < seconds < needed:
        return [0.0]
    return np.arange(0, seconds - needed + 1e-6, stretch).tolist()


def excerpt(store: Store, track: Track, begin: int, end: int, frames: int) -> npt.NDArray[np.float32]:
    """A track's frames from ``begin`` to ``end``, as floats (sound within -1 and 1), and zeros up to ``frames``."""
    values = store.values[track.start + begin : track.start + end]
    clip = values.astype(np.float32) / (FULL_SCALE if values.dtype == np.int16 else 1)
    return np.pad(clip, [(0, frames - len(clip)), *[(0, 0)] * (clip.ndim - 1)])
