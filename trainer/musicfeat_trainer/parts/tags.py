"""The part behind tags: late layers for timbre on a trunk that is trained already and stays as it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from musicfeat.errors import InputError
from musicfeat_trainer.checkpoint import digest, load_checkpoint
from musicfeat_trainer.config import Recipe, TagsConfig
from musicfeat_trainer.data.collections import (
    openmic_collections,
    score_player,
    training_collections,
    validation_collections,
)
from musicfeat_trainer.data.notes import NoteCollages
from musicfeat_trainer.data.sampler import Collection, CropSampler, step_generators
from musicfeat_trainer.data.scores import BLOCK, ScorePlayer
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.encoders.tag_net import TagNet
from musicfeat_trainer.encoders.temporal_net import TrunkOutput, pooled_dimension
from musicfeat_trainer.evaluate.clips import clip_starts, fixed_clips
from musicfeat_trainer.evaluate.metrics import mean_average_precision, mean_roc_auc
from musicfeat_trainer.instruments import columns_of
from musicfeat_trainer.objectives.tagging import mixed_labels, tagging_loss
from musicfeat_trainer.parts.part import Part
from musicfeat_trainer.parts.trunk import BATCH, Trunk


class Batch(NamedTuple):
    """What a step learns from; the performed scores are the last of its windows."""

    spectrogram: Tensor  # [windows, frames, bands]
    there: Tensor  # [windows, 20]
    known: Tensor  # [windows, 20]
    moments: tuple[Tensor, Tensor] | None  # there and known of the performed scores, [performed, blocks, 20]


class TagsPart(Part[Recipe, TagNet]):
    """Learns tags from whatever in the recipe has labels."""

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
        return TagNet(trunk.widths[0], bands, dimension, len(config.labels), config.width, config.dropout)

    @property
    def optimisation(self) -> TagsConfig:
        assert self.recipe.tags
        return self.recipe.tags

    @property
    def columns(self) -> list[int]:
        """Where the labels stand among the 20 instruments."""
        return columns_of(self.optimisation.labels)

    @property
    def window(self) -> int:
        """Spectrogram frames of a window."""
        return self.recipe.window // self.recipe.trunk.frontend.step

    def open_training(self) -> None:
        config, spec = self.optimisation, self.trunk.frontend.spec
        opened = training_collections if config.rendered else openmic_collections
        labelled = [collection for collection in opened(self.recipe, spec, config.labels) if collection.labels]
        self.sampler = CropSampler(labelled, self.window, self.recipe.tempo) if labelled else None
        self.collages = None
        if self.recipe.notes and config.collages:
            self.collages = NoteCollages(self.recipe.notes, self.trunk.frontend, config.labels)
        self._pool = ThreadPoolExecutor(1)
        self._next: tuple[int, Future[Batch]] | None = None
        recorded = self.collages.notes if self.collages else {}
        self.player = score_player(self.recipe, spec, config.labels, recorded) if config.performed else None
        if not (self.sampler or self.collages or self.player):
            raise InputError("tags need labels: a [rendered] or [notes] section, or openmic = FOLDER, in the recipe")

    def open_validation(self) -> None:
        config, spec = self.optimisation, self.trunk.frontend.spec
        kinds = [kind for kind in validation_collections(self.recipe, spec, config.labels) if kind.labels]
        self.validation = kinds[0] if kinds else None
        self.clips = fixed_clips(kinds[0], self.window, config.clips_per_track) if kinds else None

    @cached_property
    def trunk(self) -> Trunk:
        """The finished trunk, frozen; reading it notes what the tags are trained on."""
        checkpoint = load_checkpoint(self.run / "trunk" / "best.safetensors")
        assert isinstance(checkpoint.recipe, Recipe)
        trunk = Trunk(checkpoint.recipe.trunk).eval().requires_grad_(False)
        checkpoint.restore("average", trunk)
        trunk.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stubs lack it
        self.origin = {"trunk": digest(checkpoint.part("average"))}
        return trunk

    def losses(self, number: int) -> dict[str, Tensor]:
        config = self.optimisation
        start = time.perf_counter()
        batch = self._batch(number)
        self.waited += time.perf_counter() - start
        torch.manual_seed(step_generators(config.seed, number, rank())[1].initial_seed())
        with self.autocast():
            trunk = self._trunk(batch.spectrogram.to(self.device))
            layers = self.module.layers(trunk.early)
        logits = self.module.logits(layers.float(), trunk)
        losses = {"tags": self._loss(logits, batch.there, batch.known)}
        if batch.moments:
            logits = self.module.momentary(layers[-config.performed :].float())
            losses["moments"] = config.moments_weight * self._loss(logits, *batch.moments)
        return losses

    def _batch(self, number: int) -> Batch:
        """The windows of a step, drawn while the step before it ran."""
        future = self._next[1] if self._next and self._next[0] == number else self._pool.submit(self._draw, number)
        self._next = (number + 1, self._pool.submit(self._draw, number + 1))
        return future.result()

    def _draw(self, number: int) -> Batch:
        config, augment = self.optimisation, self.recipe.augment
        numpy_generator, generator = step_generators(config.seed, number, rank())
        batches, moments = [], None
        if self.sampler:
            batches.append(self._rendered(self.sampler, numpy_generator, generator))
        if self.collages:
            drawn = self.collages.draw(config.collages // 2, self.window, numpy_generator)
            batches.append((augment.alone(drawn.power, generator), drawn.there, drawn.known))
        if self.player:
            performed, moments = self._performed(self.player, numpy_generator, generator)
            batches.append(performed)
        power, there, known = (torch.cat(parts) for parts in zip(*batches, strict=True))
        spectrogram = augment.log_power(self.trunk.frontend.normalise(power), self.window, generator)
        return Batch(spectrogram, there, known, moments)

    def _loss(self, logits: Tensor, there: Tensor, known: Tensor) -> Tensor:
        there, known = (x[..., self.columns].to(self.device) for x in (there, known))
        return tagging_loss(logits, there, known, self.optimisation.label_smoothing)

    @torch.no_grad()
    def _trunk(self, spectrogram: Tensor) -> TrunkOutput:
        layers = self.trunk.net.layers(spectrogram)
        with torch.autocast(self.device.type, enabled=False):
            return self.trunk.net.summary(spectrogram, *(x.float() for x in layers))

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

    def _performed(
        self, player: ScorePlayer, numpy_generator: np.random.Generator, generator: torch.Generator
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Scores with the labels of each window; and the labels of each moment."""
        config, augment = self.optimisation, self.recipe.augment
        lengths = augment.lengths(config.performed, self.window, generator)[:, None]
        drawn = player.draw(config.performed, self.window, numpy_generator)
        power, mixed = augment.power(drawn.power, generator)
        there, known = mixed_labels(drawn.there, drawn.known, mixed)
        sounds = (torch.arange(there.shape[1]) * BLOCK < lengths)[..., None]
        there, known = there * sounds, known * sounds
        sometime = there.amax(1)
        always = torch.where(sometime > 0, 1.0, (known + ~sounds).amin(1))
        return (power * (torch.arange(self.window) < lengths)[..., None], sometime, always), (there, known)

    @torch.no_grad()
    def evaluate(self, module: TagNet) -> dict[str, float]:
        """Macro average precision and area under the ROC over the labels of held-out rendered music."""
        if self.validation is None or self.clips is None:
            return {}
        spectrograms = (self.trunk.frontend.normalise(part.to(self.device)) for part in self.clips.split(BATCH))
        logits = torch.cat([module(self.trunk.net(part)) for part in spectrograms]).cpu().numpy()
        there, known = self._labels(self.validation)
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
