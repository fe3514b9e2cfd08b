"""Clips that a pretext task is most confidently wrong about, and those that it is least sure of.

Addepalli et al. (2019, section 7.3.1) found drones among them, and music that its artists had really reversed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from musicfeat_trainer.pictures.style import save

COUNT = 4
"""Number of clips of either kind in a picture."""


class Judged(NamedTuple):
    """A clip with the method's certainty of the right answer."""

    path: str
    start: float
    """Start in seconds."""
    end: float
    certainty: float
    """Probability of the right answer."""
    spectrogram: torch.Tensor
    """Spectrogram, [frames, bands]."""


def mistakes(clips: Sequence[Judged], count: int = COUNT) -> list[Judged]:
    """Clips answered wrongly, the surest first."""
    return sorted((clip for clip in clips if clip.certainty < 0.5), key=lambda clip: clip.certainty)[:count]


def uncertain(clips: Sequence[Judged], count: int = COUNT) -> list[Judged]:
    """Clips whose certainty is nearest to one half."""
    return sorted(clips, key=lambda clip: abs(clip.certainty - 0.5))[:count]


def draw_mistakes(clips: Sequence[Judged], path: Path) -> None:
    """Draw confident mistakes on the left, uncertain clips on the right, with file, time and certainty."""
    from musicfeat_trainer.pictures.figures import Figure

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
    """File, time and certainty in two lines; a long path keeps its end, which says more than its beginning."""
    name = clip.path if len(clip.path) <= 64 else "…" + clip.path[-63:]
    return f"{name}\n{clip.start:.1f} to {clip.end:.1f} s, P(right) {clip.certainty:.2f}"
