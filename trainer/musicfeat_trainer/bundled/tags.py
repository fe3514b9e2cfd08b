"""Part that yields tags: late layers for timbre on a finished trunk, which stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.clips import clip_starts, fixed_clips
from musicfeat_trainer.bundled.collections import training_collections, validation_collections
from musicfeat_trainer.bundled.crops import Collection, CropSampler
from musicfeat_trainer.bundled.notes import NoteCollages
from musicfeat_trainer.bundled.tag_net import TagNet
from musicfeat_trainer.bundled.trunk import BATCH, Trunk, TrunkPart
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.encoders.temporal_net import TrunkOutput, pooled_dimension
from musicfeat_trainer.evaluate.metrics import mean_average_precision, mean_roc_auc
from musicfeat_trainer.instruments import columns_of
from musicfeat_trainer.objectives.tagging import mixed_labels, tagging_loss
from musicfeat_trainer.recipe.bundled import Recipe, TagsConfig
from musicfeat_trainer.training.part import Part, step_generators


class TagsPart(Part[Recipe, TagNet]):
    """Training of ``TagNet`` on all labelled data of a recipe."""

    name = "tags"
    recipe_type = Recipe
    guesses: ClassVar[Mapping[str, float]] = {"average_precision": 0.0, "roc_auc": 1 / 2}
    needs = ("trunk",)

    @classmethod
    def build(cls, recipe: Recipe) -> TagNet:
        config, trunk = recipe.tags, recipe.trunk
        if not config:
            raise InputError("the recipe has no [tags] section")
        dimension, bands = pooled_dimension(trunk.widths, trunk.frames), trunk.frontend.n_mels // 16
        return TagNet(trunk.widths[1], bands, dimension, len(config.labels), config.width, config.dropout)

    @property
    def optimisation(self) -> TagsConfig:
        assert self.recipe.tags
        return self.recipe.tags

    @property
    def columns(self) -> list[int]:
        """Indices of the labels among the 20 instruments."""
        return columns_of(self.optimisation.labels)

    @property
    def window(self) -> int:
        """Spectrogram frames of a window."""
        return self.recipe.window // self.recipe.trunk.frontend.step

    def open_training(self) -> None:
        config, spec = self.optimisation, self.trunk.frontend.spec
        collections = training_collections(self.recipe, spec, config.labels)
        labelled = [collection for collection in collections if collection.labels]
        self.sampler = CropSampler(labelled, self.window, self.recipe.tempo) if labelled else None
        self.collages = None
        if self.recipe.notes and config.collages:
            self.collages = NoteCollages(self.recipe.notes, self.trunk.frontend, config.labels)
        if not (self.sampler or self.collages):
            raise InputError("tags need labels: a [rendered] or [notes] section, or openmic = FOLDER, in the recipe")

    def open_validation(self) -> None:
        config, spec = self.optimisation, self.trunk.frontend.spec
        self.validation = validation_collections(self.recipe, spec, config.labels).rendered
        self.clips = fixed_clips(self.validation, self.window, config.clips_per_track) if self.validation else None

    @cached_property
    def trunk(self) -> Trunk:
        """The finished trunk, on which the tags are trained."""
        return self.finished(TrunkPart)

    def losses(self, number: int) -> dict[str, Tensor]:
        config, augment = self.optimisation, self.recipe.augment
        numpy_generator, generator = step_generators(config.seed, number, rank())
        torch.manual_seed(generator.initial_seed())
        batches = [self._rendered(self.sampler, numpy_generator, generator)] if self.sampler else []
        if self.collages:
            drawn = self.collages.draw(config.collages // 2, self.window, numpy_generator)
            batches.append((augment.alone(drawn.power, generator), drawn.there, drawn.known))
        power, there, known = (torch.cat(parts) for parts in zip(*batches, strict=True))
        spectrogram = augment.log_power(self.trunk.frontend.normalise(power), self.window, generator)
        with self.autocast():
            trunk = self._trunk(spectrogram.to(self.device))
            layers = self.module.layers(trunk.middle)
        logits = self.module.logits(layers.float(), trunk)
        there, known = (x[:, self.columns].to(self.device) for x in (there, known))
        return {"tags": tagging_loss(logits, there, known, config.label_smoothing)}

    @torch.no_grad()
    def _trunk(self, spectrogram: Tensor) -> TrunkOutput:
        last, middle = self.trunk.net.layers(spectrogram)
        with torch.autocast(self.device.type, enabled=False):
            return self.trunk.net.summary(spectrogram, last.float(), middle.float())

    def _rendered(
        self, sampler: CropSampler, numpy_generator: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        config, augment = self.optimisation, self.recipe.augment
        lengths = augment.lengths(config.windows, self.window, generator)
        drawn = sampler.draw(config.windows, self.window, numpy_generator, lengths=lengths)
        power, mixed = augment.power(drawn.power, generator)
        there, known = mixed_labels(drawn.there, drawn.known, mixed)
        silent = torch.arange(self.window) >= lengths[:, None]
        return power * ~silent[..., None], there, known

    @torch.no_grad()
    def evaluate(self, module: TagNet) -> dict[str, float]:
        """Macro average precision and area under the ROC over the labels of held-out rendered music."""
        if self.clips is None:
            return {}
        spectrograms = (self.trunk.frontend.normalise(part.to(self.device)) for part in self.clips.split(BATCH))
        logits = torch.cat([module(self.trunk.net(part)) for part in spectrograms]).cpu().numpy()
        there, known = self._labels(self.validation[0])
        return {
            "average_precision": mean_average_precision(logits, there, known),
            "roc_auc": mean_roc_auc(logits, there, known),
        }

    def _labels(self, kind: Collection) -> tuple[np.ndarray, np.ndarray]:
        assert kind.labels
        seconds, most = kind.store.frame_seconds, self.optimisation.clips_per_track
        rows = [
            kind.labels.window(track.path, start * seconds, (start + self.window) * seconds)
            for track in kind.tracks
            for start in clip_starts(track.frames, self.window, most)
        ]
        there, known = (np.stack(column)[:, self.columns] for column in zip(*rows, strict=True))
        return there, known
