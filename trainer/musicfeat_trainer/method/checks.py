"""Checks that the parts of a method fit each other, made before any training starts."""

from __future__ import annotations

import torch

from musicfeat.errors import InputError
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.features import time_axis
from musicfeat_trainer.method.method import Method

SYMMETRY = 1e-3
"""Greatest mean difference between flipped features and those of the flipped clip, as a share of their deviation."""


def check(method: Method) -> None:
    """Raise InputError, saying how to mend it, if parts of a method do not fit each other."""
    config = method.config
    if config.second and not method.objective.two_encoders:
        raise InputError(f"{config.objective.name} has one encoder: the table `second` of a recipe is not for it")
    _same_rates(method)
    if method.objective.flips:
        _alike_both_ways(method)


def _same_rates(method: Method) -> None:
    for contents in (frontend.contents for frontend in method.frontends):
        for change in method.config.waveform_augment:
            expected = getattr(change, "sample_rate", None)
            if isinstance(contents, Waveform) and expected not in {None, contents.sample_rate}:
                raise InputError(
                    f"{change.name} expects {expected} samples a second, the frontend has {contents.sample_rate}: "
                    "set the sample_rate of the augmentation"
                )


def _alike_both_ways(method: Method) -> None:
    """Raise InputError if the frontend itself tells the direction of time."""
    frontend, clips = method.frontend(0), method.config.clips
    if not frontend.reads_samples:
        return
    noise = torch.randn(1, frontend.frames(clips.seconds + 2 * clips.margin), generator=torch.Generator())
    heard, played = (method.without_margin(frontend(x), 0) for x in (noise, noise.flip(1)))
    if (heard.flip(time_axis(heard)) - played).abs().mean() > SYMMETRY * heard.std():
        raise InputError(
            "the frontend's frames lie otherwise when a clip plays backwards, which would give the direction away: "
            "choose clips and margins of whole hops, and for cqt one sample more and spec = {centred = true}"
        )
