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
from musicfeat_trainer.bundled.collections import openmic_collection, rendered_validation, stem_mixer
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
from musicfeat_trainer.training.ahead import Ahead
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
        dimension, bands = pooled_dimension(trunk.widths, trunk.frames), trunk.frontend.n_mels // 8
        widths = config.early_width, config.width
        return TagNet(trunk.widths[0], bands, dimension, len(config.labels), widths, config.dropout)

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
        recipe, config, spec = self.recipe, self.optimisation, self.trunk.frontend.spec
        self.mixer = stem_mixer(recipe, recipe.rendered, spec, config.labels) if recipe.rendered else None
        openmic = openmic_collection(recipe, spec, config.labels)
        self.sampler = CropSampler([openmic], self.window, recipe.tempo) if openmic else None
        self.collages = None
        if recipe.notes and config.collages:
            self.collages = NoteCollages(recipe.notes, self.trunk.frontend, config.labels)
        if not (self.mixer or self.sampler or self.collages):
            raise InputError("tags need labels: a [rendered] or [notes] section, or openmic = FOLDER, in the recipe")
        self.batches = Ahead(self._batch)

    def open_validation(self) -> None:
        config = self.optimisation
        self.validation = rendered_validation(self.recipe, self.trunk.frontend.spec, config.labels)
        self.clips = fixed_clips(self.validation, self.window, config.clips_per_track) if self.validation else None

    @cached_property
    def trunk(self) -> Trunk:
        """The finished trunk, on which the tags are trained."""
        return self.finished(TrunkPart)

    def losses(self, number: int) -> dict[str, Tensor]:
        assert self.batches
        spectrogram, there, known = self.batches(number)
        torch.manual_seed(step_generators(self.optimisation.seed, number, rank())[1].initial_seed())
        with self.autocast():
            trunk = self._trunk(spectrogram.to(self.device))
            layers = self.module.layers(trunk.early)
        logits = self.module.logits(layers.float(), trunk)
        there, known = there.to(self.device), known.to(self.device)
        return {"tags": tagging_loss(logits, there, known, self.optimisation.label_smoothing)}

    def _batch(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Spectrograms of windows, instruments present and known."""
        config, augment = self.optimisation, self.recipe.augment
        numpy_generator, generator = step_generators(config.seed, number, rank())
        batches = []
        if self.mixer or self.sampler:
            batches.append(self._music(numpy_generator, generator))
        if self.collages:
            drawn = self.collages.draw(config.collages // 2, self.window, numpy_generator)
            batches.append((augment.alone(drawn.power, generator), drawn.there, drawn.known))
        power, there, known = (torch.cat(parts) for parts in zip(*batches, strict=True))
        spectrogram = augment.log_power(self.trunk.frontend.normalise(power), self.window, generator)
        return spectrogram, there[:, self.columns], known[:, self.columns]

    @torch.no_grad()
    def _trunk(self, spectrogram: Tensor) -> TrunkOutput:
        layers = self.trunk.net.layers(spectrogram)
        with torch.autocast(self.device.type, enabled=False):
            return self.trunk.net.summary(spectrogram, layers.float())

    def _music(self, numpy_generator: np.random.Generator, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Power of mixes of stems and of clips of OpenMIC-2018, half of each where both are there, with labels."""
        config, augment = self.optimisation, self.recipe.augment
        lengths = augment.lengths(config.windows, self.window, generator)
        mixes = 0 if not self.mixer else config.windows // 2 if self.sampler else config.windows
        drawn = []
        if self.mixer:
            drawn.append(self.mixer.draw(self.window, lengths[:mixes], numpy_generator))
        if self.sampler:
            some = lengths[mixes:]
            drawn.append(self.sampler.draw(len(some), self.window, numpy_generator, lengths=some))
        power, there, known = (torch.cat(parts) for parts in list(zip(*drawn, strict=True))[:3])
        power, mixed = augment.power(power, generator)
        there, known = mixed_labels(there, known, mixed)
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
