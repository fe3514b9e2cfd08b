"""Certainty of a method's answers about held-out clips."""

from __future__ import annotations

import numpy as np
import torch

from musicfeat.sound.log_mel import LogMelSpec
from musicfeat_trainer.data.clips import Clips
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import sampler_of
from musicfeat_trainer.pictures.mistakes import Judged
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.section import expanded

MOST = 512
"""Greatest number of held-out clips that are judged."""


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
    """Spectrograms of clips, [batch, frames, bands]: the encoder's input, or the log-mel where that is raw samples."""
    features = frontend(clips)
    if features.ndim == 4:
        return features[:, 0]
    rate = round(1 / frontend.contents.frame_seconds)
    return LogMel(LogMelSpec(sample_rate=rate, fmax=min(LogMelSpec.fmax, rate / 2)))(clips)
