"""Part that yields embedding, frames and reversal: one encoder under three objectives at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat_trainer.bundled.clips import clip_lessons, clip_tracks, fixed_clips
from musicfeat_trainer.bundled.collections import training_collections, validation_collections
from musicfeat_trainer.bundled.crops import CropSampler
from musicfeat_trainer.bundled.discriminant import Discriminant
from musicfeat_trainer.bundled.notes import NoteCollages
from musicfeat_trainer.bundled.tag_net import TagHead
from musicfeat_trainer.bundled.taught_tags import taught_tags
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.encoders.temporal_net import TemporalNet, TrunkOutput
from musicfeat_trainer.evaluate.metrics import agreement_with_teachers, arithmetic_and_geometric, neighbour_ranks
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.instruments import columns_of
from musicfeat_trainer.objectives.distillation import Distillation
from musicfeat_trainer.objectives.simclr import Projector, nt_xent
from musicfeat_trainer.objectives.tagging import mixed_labels, tagging_loss
from musicfeat_trainer.objectives.time_reversal import ReversalHead, reversal_loss
from musicfeat_trainer.recipe.bundled import Recipe, TrunkConfig
from musicfeat_trainer.training.ahead import Ahead
from musicfeat_trainer.training.part import Part, step_generators

BATCH = 32
TRACKS, CLIPS = 400, 8
"""Greatest numbers of tracks, and of clips of each, that the discriminant is fitted to."""


class TrunkOutputs(NamedTuple):
    """Outputs of the trunk and its head for each window."""

    trunk: TrunkOutput
    embedding: Tensor  # [batch, D]
    reversal: Tensor  # [batch], logit of P(plays backwards)


class Trunk(nn.Module):
    """Network from the waveform or spectrogram of one window to embedding, frames and reversal."""

    def __init__(self, config: TrunkConfig, teachers: Sequence[tuple[int, int]] = ()) -> None:
        super().__init__()
        self.frontend = LogMel(config.frontend)
        self.net = TemporalNet(config.frontend.n_mels, config.stem, config.widths, config.frames)
        self.reversal = ReversalHead(self.net.dimension, config.dropout)
        self.tags = TagHead(self.net.dimension, len(config.labels), config.dropout) if config.labels else None
        self.projector = Projector(self.net.dimension)
        self.discriminant = Discriminant(self.net.timbre_dimension, config.discriminants)
        dimension = self.net.dimension
        self.distillation = Distillation(dimension, teachers, config.knowledge) if teachers else None

    def forward(self, waveform: Tensor) -> TrunkOutputs:
        """Outputs for mono waveforms of any level, [batch, samples]."""
        return self.read(self.frontend(waveform))

    def read(self, spectrogram: Tensor) -> TrunkOutputs:
        """Outputs as from ``forward``, for spectrograms [batch, T, bands]."""
        trunk = self.net(spectrogram)
        return TrunkOutputs(trunk, self.embedding(trunk), self.reversal(trunk.pooled))

    def embedding(self, trunk: TrunkOutput) -> Tensor:
        """Embedding: the contrastive projection, the discriminant of tracks, the cepstrum, and knowledge from teachers.

        Numbers have unit variance on average; without teachers the last group is missing.
        """
        projected = self.projector(trunk.pooled) * self.projector.width**0.5
        parts = [projected, self.discriminant(self.net.timbre(trunk)), trunk.cepstrum]
        if self.distillation:
            parts.append(self.distillation(trunk.pooled))
        return torch.cat(parts, dim=1)


def trunk_of(recipe: Recipe) -> Trunk:
    """A recipe's trunk with fresh weights."""
    return Trunk(recipe.trunk, [(teacher.tags, teacher.embedding) for teacher in recipe.teachers])


class TrunkPart(Part[Recipe, Trunk]):
    """Training of the trunk by time reversal, contrastive learning, tagging and distillation on its pooled vector."""

    name = "trunk"
    recipe_type = Recipe
    guesses: ClassVar[Mapping[str, float]] = {
        "reversal": 1 / 2, "reversal_rendered": 1 / 2, "neighbour": 1 / 100, "agreement": 1 / 2,
    }  # fmt: skip

    @classmethod
    def build(cls, recipe: Recipe) -> Trunk:
        return trunk_of(recipe)

    @property
    def optimisation(self) -> TrunkConfig:
        return self.recipe.trunk

    @property
    def window(self) -> int:
        """Spectrogram frames of a window."""
        return self.recipe.window // self.recipe.trunk.frontend.step

    @property
    def columns(self) -> list[int]:
        """Indices of the tags' labels among the 20 instruments."""
        return columns_of(self.recipe.trunk.labels)

    def open_training(self) -> None:
        config = self.recipe.trunk
        taught_tags(self.recipe)  # a wrong answer is told before hours of training
        collections = training_collections(self.recipe, config.frontend, config.labels, taught=True)
        if self.module.distillation:
            said = [collection.lessons.sample() for collection in collections if collection.lessons]
            self.module.distillation.fit(torch.from_numpy(np.concatenate(said)).to(self.device))
        first = next(collection for collection in collections if not collection.labels)
        self.music = replace(first, tracks=first.tracks[:: -(-len(first.tracks) // TRACKS)])
        self.sampler = CropSampler(collections, self.window, self.recipe.tempo)
        self.batches = Ahead(self._batch)
        self.collages = None
        if self.recipe.notes and config.collages:
            self.collages = NoteCollages(self.recipe.notes, self.module.frontend, config.labels)

    def open_validation(self) -> None:
        config = self.recipe.trunk
        self.validation = validation_collections(self.recipe, config.frontend, config.labels, taught=True)
        self.clips = [fixed_clips(kind, self.window, config.clips_per_track) for kind in self.validation if kind]

    def losses(self, number: int) -> dict[str, Tensor]:
        config = self.recipe.trunk
        assert self.batches
        spectrogram, there, known, said = self.batches(number)
        torch.manual_seed(step_generators(config.seed, number, rank())[1].initial_seed())
        with self.autocast():
            layers = self.module.net.layers(spectrogram.to(self.device))
        pooled = self.module.net.summary(spectrogram.to(self.device), layers.float()).pooled
        straight = len(there)
        backwards = (torch.arange(len(pooled), device=self.device) >= straight).float()
        balance = torch.where(backwards > 0, straight / config.flipped, 1.0)
        reversal = reversal_loss(self.module.reversal(pooled), backwards, config.label_smoothing, balance)
        first, second = self.module.projector(pooled[:straight]).chunk(2)
        contrastive = nt_xent(first, second, config.temperature)
        losses = {
            "reversal": config.reversal_weight * reversal,
            "contrastive": config.contrastive_weight * contrastive,
        }
        if self.module.tags:
            logits = self.module.tags(pooled[:straight])
            losses["tags"] = config.tags_weight * tagging_loss(logits, there.to(self.device), known.to(self.device))
        if self.module.distillation:
            rows = ~said.isnan().any(1)
            knowledge = self.module.distillation(pooled[:straight][rows.to(self.device)])
            loss = self.module.distillation.loss(knowledge, said[rows].to(self.device))
            losses["distillation"] = config.distillation_weight * loss
        return losses

    def _batch(self, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Windows (first crops of pairs, second ones, backward windows), with labels and lessons of the pairs."""
        config, augment = self.recipe.trunk, self.recipe.augment
        numpy_generator, generator = step_generators(config.seed, number, rank())
        lengths = augment.lengths(2 * config.pairs + config.flipped, self.window, generator)
        apart = round(config.apart / self.sampler.choices[0][0].store.frame_seconds)
        pairs = self.sampler.draw(
            config.pairs, self.window, numpy_generator, lengths=lengths[: 2 * config.pairs], apart=apart
        )
        flipped = self.sampler.draw(config.flipped, self.window, numpy_generator)
        power, mixed = augment.power(torch.cat([pairs.power, flipped.power.flip(1)]), generator, config.pairs)
        there, known = mixed_labels(pairs.there, pairs.known, mixed[: 2 * config.pairs])
        silent = torch.arange(self.window) >= lengths[:, None]
        power = power * ~silent[..., None]
        said = pairs.said.masked_fill(mixed[: 2 * config.pairs, None], torch.nan)
        if self.collages:
            notes = self.collages.draw(config.collages, self.window, numpy_generator)
            sound = augment.alone(notes.power, generator)
            both = (power, sound), (there, notes.there), (known, notes.known)
            power, there, known = (with_more_pairs(x, more, config.pairs) for x, more in both)
            unknown = torch.full((len(notes.power), said.shape[1]), torch.nan)
            said = with_more_pairs(said, unknown, config.pairs)
        spectrogram = augment.log_power(self.module.frontend.normalise(power), self.window, generator)
        return spectrogram, there[:, self.columns], known[:, self.columns], said

    @torch.no_grad()
    def fit_closed_form(self, module: Trunk) -> None:
        """Fit the discriminant to clips of the training music; it stays random if they cannot tell tracks apart."""
        tracks = clip_tracks([self.music], self.window, CLIPS)
        if len(np.unique(tracks)) in (len(tracks), 1):
            return
        clips = fixed_clips([self.music], self.window, CLIPS).split(BATCH)
        heard = [module.net.timbre(module.net(module.frontend.normalise(part.to(self.device)))) for part in clips]
        module.discriminant.fit(torch.cat(heard).double().cpu().numpy(), tracks)

    @torch.no_grad()
    def evaluate(self, module: Trunk) -> dict[str, float]:
        """Accuracy of reversal, reciprocal geometric mean rank of neighbours, and agreement of tags with teachers."""
        music, per_track = self.validation.music, self.recipe.trunk.clips_per_track
        reversal, embeddings = self._judge(module, self.clips[0])
        ranks = neighbour_ranks(embeddings.numpy(), clip_tracks(music, self.window, per_track))
        scores = {"reversal": reversal, "neighbour": 1 / arithmetic_and_geometric(ranks)[1]}
        if len(self.clips) > 1:
            scores["reversal_rendered"], _ = self._judge(module, self.clips[1])
        if module.distillation:
            said = clip_lessons(music, self.window, per_track)[:, module.distillation.is_tag.cpu().numpy()]
            tags = module.distillation.tags(embeddings[:, -module.distillation.width :].to(self.device))
            scores["agreement"] = agreement_with_teachers(tags.cpu().numpy(), said)
        return scores

    def _judge(self, module: Trunk, clips: Tensor) -> tuple[float, Tensor]:
        """Accuracy on clips played both ways, and the embeddings of the clips."""
        right, embeddings = 0.0, []
        for part in clips.split(BATCH):
            spectrogram = module.frontend.normalise(part.to(self.device))
            straight = module.read(spectrogram)
            embeddings.append(straight.embedding.cpu())
            right += float((straight.reversal < 0).sum() + (module.read(spectrogram.flip(1)).reversal > 0).sum())
        return right / (2 * len(clips)), torch.cat(embeddings)


def with_more_pairs(x: Tensor, more: Tensor, pairs: int) -> Tensor:
    """Rows (first members of ``pairs`` pairs, second ones, others) with more pairs put behind first and second ones."""
    firsts, seconds = more.chunk(2)
    return torch.cat([x[:pairs], firsts, x[pairs : 2 * pairs], seconds, x[2 * pairs :]])
