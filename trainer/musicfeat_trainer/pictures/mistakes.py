"""The clips that a pretext task is most confidently wrong about, and those that it is least sure of.

Addepalli et al. (2019, section 7.3.1) found music there that its artists had really reversed, and drones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from musicfeat.log_mel import LogMelSpec
from musicfeat_trainer.config import MethodRecipe
from musicfeat_trainer.data.clips import Clips
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.method import Method
from musicfeat_trainer.parts.method import sampler_of
from musicfeat_trainer.pictures.style import save
from musicfeat_trainer.section import expanded

COUNT = 4
"""Clips of either kind in a picture."""
MOST = 512
"""Held-out clips that are judged, at most."""


class Judged(NamedTuple):
    """A clip and how sure the method is of the right answer about it."""

    path: str
    start: float
    """In seconds."""
    end: float
    certainty: float
    """P(right answer)."""
    spectrogram: torch.Tensor
    """[frames, bands]."""


@torch.no_grad()
def judged(method: Method, recipe: MethodRecipe) -> list[Judged]:
    """Held-out clips that do not overlap, at most ``MOST``, drawn with a fixed seed.

    Raises:
        InputError: the method's questions have no right and wrong answers, or there is no music to ask about.
    """
    frontend, config = method.frontend(0), recipe.method
    dataset = recipe.data.set.open()
    whole = config.clips.model_copy(update={"stretch": None, "relation": "same"})
    sampler = sampler_of(method, dataset, dataset.held_out, expanded(recipe.data.store), whole, views=1)
    clips = sampler.draw(min(MOST, len(sampler.stretches)), np.random.default_rng(7))
    found = []
    for rows in torch.arange(len(clips.instances)).split(config.batch):
        batch = Clips((clips.views[0][rows],), clips.instances[rows])
        certainty = method.objective.certainty(method.views(batch, None))
        pictures = spectrograms(frontend, batch.views[0])
        for instance, sure, picture in zip(batch.instances.tolist(), certainty.tolist(), pictures, strict=True):
            path, start, end = sampler.stretches[instance]
            found.append(Judged(path, start, end, sure, picture))
    return found


def spectrograms(frontend: Frontend, clips: torch.Tensor) -> torch.Tensor:
    """Of clips, [batch, frames, bands]: what the encoder reads, or of raw samples the log-mel spectrogram."""
    features = frontend(clips)
    if features.ndim == 4:
        return features[:, 0]
    rate = round(1 / frontend.contents.frame_seconds)
    return LogMel(LogMelSpec(sample_rate=rate, fmax=min(LogMelSpec.fmax, rate / 2)))(clips)


def mistakes(clips: Sequence[Judged], count: int = COUNT) -> list[Judged]:
    """The clips answered wrongly, the surest first."""
    return sorted((clip for clip in clips if clip.certainty < 0.5), key=lambda clip: clip.certainty)[:count]


def uncertain(clips: Sequence[Judged], count: int = COUNT) -> list[Judged]:
    """The clips whose certainty is nearest to one half."""
    return sorted(clips, key=lambda clip: abs(clip.certainty - 0.5))[:count]


def draw_mistakes(clips: Sequence[Judged], path: Path) -> None:
    """Confident mistakes on the left, uncertain clips on the right, with file, time and P(right)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.5 + 2.2 * COUNT), layout="constrained")
    columns = {"Most confident mistakes": mistakes(clips), "Most uncertain": uncertain(clips)}
    grid = figure.add_gridspec(1, 2)
    for number, (title, chosen) in enumerate(columns.items()):
        column = figure.add_subfigure(grid[0, number])
        column.suptitle(title if chosen else f"{title}: none of {len(clips)} clips", weight="bold")
        places = column.subplots(COUNT, 1)
        for axes in places[len(chosen) :]:
            axes.set_visible(False)
        for axes, clip in zip(places, chosen, strict=False):
            extent = (clip.start, clip.end, 0, clip.spectrogram.shape[1])
            axes.imshow(clip.spectrogram.T.numpy(), "magma", origin="lower", aspect="auto", extent=extent)
            axes.set_title(described(clip), fontsize=8)
            axes.set(ylabel="band")
        if chosen:
            places[len(chosen) - 1].set(xlabel="second of the file")
    save(figure, path)


def described(clip: Judged) -> str:
    """File, time and certainty in two lines; the end of a long path says more than its beginning."""
    name = clip.path if len(clip.path) <= 64 else "…" + clip.path[-63:]
    return f"{name}\n{clip.start:.1f} to {clip.end:.1f} s, P(right) {clip.certainty:.2f}"
