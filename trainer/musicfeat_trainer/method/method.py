"""A method of self-supervision: frontend, encoder, objective, and the clips and views that it learns from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.data.clips import Clips
from musicfeat_trainer.features import shape_of, time_axis
from musicfeat_trainer.frontends.frontend import Frontend
from musicfeat_trainer.objectives.objective import Setting, Views
from musicfeat_trainer.recipe.method import Branch, MethodConfig


class Method(nn.Module):
    """Modules of a method; ``checks`` tests whether they fit each other.

    Raises:
        InputError: an encoder that cannot read what the frontend makes, saying why.
    """

    def __init__(self, config: MethodConfig) -> None:
        super().__init__()
        self.config = config
        branches: list[Branch | MethodConfig] = [config, config.second] if config.second else [config]
        self.frontends = [branch.frontend.build() for branch in branches]
        self.transforms = nn.ModuleList(self.frontends)
        silences = [frontend.silence(config.clips.seconds) for frontend in self.frontends]
        self.lengths = [shape_of(silence).frames for silence in silences]
        shapes = [shape_of(self.arranged(silence)) for silence in silences]
        encoders = [branch.encoder.build(shape) for branch, shape in zip(branches, shapes, strict=True)]
        second = encoders[-1] if config.second else None
        self.objective = config.objective.build(Setting(encoders[0], second, config.pieces))
        self.objective.mixed_precision = config.bfloat16

    def frontend(self, view: int) -> Frontend:
        """Frontend that reads a view."""
        return self.frontends[min(view, len(self.frontends) - 1)]

    def arranged(self, features: Tensor) -> Tensor:
        """Features, cut into pieces if the recipe says so."""
        return self.config.pieces.arranged(features) if self.config.pieces else features

    def views(self, clips: Clips, generator: torch.Generator | None) -> Views:
        """Features of drawn clips; with a generator, the views that the recipe names are augmented."""
        changed = 1 if self.config.augmented_views == "first" else len(clips.views)
        features = [
            self._features(clip, view, generator if view < changed else None) for view, clip in enumerate(clips.views)
        ]
        return Views(tuple(features), clips.instances, clips.said)

    def _features(self, clip: Tensor, view: int, generator: torch.Generator | None) -> Tensor:
        frontend, config = self.frontend(view), self.config
        with torch.no_grad():
            if generator and frontend.reads_samples:
                clip = augmented(clip, config.waveform_augment, generator)
            features = self.without_margin(frontend(clip), view)
            if generator and features.ndim == 4:
                features = augmented(features, config.picture_augment, generator)
            return self.arranged(features)

    def without_margin(self, features: Tensor, view: int) -> Tensor:
        """Features without those of the margins before and after a clip."""
        axis, length = time_axis(features), self.lengths[min(view, len(self.lengths) - 1)]
        return features.narrow(axis, (features.shape[axis] - length) // 2, length)

    def embed(self, clips: Tensor) -> Tensor:
        """Embedding for downstream tasks, of clips as in the first view: [batch, samples] -> [batch, D]."""
        return self.objective.embed(self.arranged(self.frontend(0)(clips)))


def augmented(clips: Tensor, changes: Sequence[Augmentation], generator: torch.Generator) -> Tensor:
    """Clips after all augmentations, applied in order."""
    for change in changes:
        clips = change(clips, generator)
    return clips
