"""Part that yields successor scores and jigsaw: narrow bands of the trunk's spectrum, JoinNet, jigsaw loss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import ClassVar

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.clips import fixed_clips
from musicfeat_trainer.bundled.collections import training_collections, validation_collections
from musicfeat_trainer.bundled.crops import CropSampler
from musicfeat_trainer.bundled.join_net import JoinNet
from musicfeat_trainer.bundled.lag_profiles import Keys, table
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.frontends.log_mel import LogMel
from musicfeat_trainer.objectives.jigsaw import folded, jigsaw_losses, order_logits, out_of_order
from musicfeat_trainer.recipe.bundled import JoinsConfig, Recipe
from musicfeat_trainer.training.part import Part, step_generators

PIECES = 3
BATCH = 16


class Joins(nn.Module):
    """Network from the waveform of one window to scores of its pieces, [batch, samples] -> [batch, 3, 3]."""

    folding: Tensor

    def __init__(self, config: JoinsConfig, window: int) -> None:
        super().__init__()
        self.frontend = LogMel(config.frontend)
        self.piece_frames, rest = divmod(window, PIECES * config.frontend.step)
        if rest:
            raise InputError(f"window {window} must be {PIECES} times a multiple of joins.frontend.hop * pool")
        self.net = JoinNet(
            config.frontend.n_mels, self.piece_frames, config.stem, config.width, config.cut, config.dropout
        )
        self.register_buffer("folding", folding(), persistent=False)

    @property
    def heads(self) -> int:
        """Heads of the keys."""
        return self.net.profiles.heads

    @property
    def distance_samples(self) -> int:
        """Samples between the parts of neighbouring pieces that are compared."""
        return 2 * self.net.profiles.cut * self.frontend.spec.step

    def forward(self, waveform: Tensor) -> Tensor:
        """Scores of "a directly before b"; see ``JoinNet``."""
        return self.scores(self.frontend(waveform))

    def scores(self, spectrogram: Tensor) -> Tensor:
        """Scores as from ``forward``, of a spectrogram [batch, T, bands]."""
        return folded(*self.net(spectrogram))

    def heard(self, waveform: Tensor, spectrum: Tensor, frontend: LogMel) -> Keys:
        """Keys of a waveform [batch, samples]; its ``spectrum`` by another frontend serves if it is the joins' own."""
        if not self.frontend.shares_spectrum(frontend):
            spectrum = self.frontend.spectrum(waveform)
        return self.keys(self.frontend.log_mel(spectrum).transpose(1, 2))

    def keys(self, spectrogram: Tensor) -> Keys:
        """Keys of a spectrogram [batch, T, bands], and which of its frames sound."""
        features, mask = self.net.features(spectrogram)
        return Keys(self.net.profiles.keys(features), mask.flatten(1))

    def scores_of_keys(self, keys: Keys) -> Tensor:
        """Scores as from ``forward``, of ``keys``."""
        pairs = self.net.profiles.pair_scores(keys.values, keys.mask.unflatten(1, (PIECES, -1)))
        return (torch.cat(pairs, dim=1) @ self.folding).unflatten(1, (PIECES, PIECES))


def folding() -> Tensor:
    """Matrix from the scores of all pairs as neighbours, then as pieces two apart, to the table ``folded``, [12, 9]."""
    pairs = PIECES * (PIECES - 1)
    adjacent, apart = torch.eye(2 * pairs).split(pairs, dim=1)
    return folded(table(adjacent, PIECES), table(apart, PIECES)).flatten(1)


class JoinsPart(Part[Recipe, Joins]):
    """Training of ``Joins`` on groups of consecutive pieces."""

    name = "joins"
    recipe_type = Recipe
    guesses: ClassVar[Mapping[str, float]] = {"exact_order": 1 / 6, "shuffled": 1 / 2, "exact_order_rendered": 1 / 6}

    @classmethod
    def build(cls, recipe: Recipe) -> Joins:
        return Joins(recipe.joins, recipe.window)

    @property
    def optimisation(self) -> JoinsConfig:
        return self.recipe.joins

    def open_training(self) -> None:
        config = self.recipe.joins
        collections = training_collections(self.recipe, config.frontend)
        self.sampler = CropSampler(collections, config.pieces * self.module.piece_frames, self.recipe.tempo)

    def open_validation(self) -> None:
        config = self.recipe.joins
        kinds = [kind for kind in validation_collections(self.recipe, config.frontend) if kind]
        self.clips = [fixed_clips(kind, PIECES * self.module.piece_frames, config.clips_per_track) for kind in kinds]

    def losses(self, number: int) -> dict[str, Tensor]:
        config, augment, pieces = self.recipe.joins, self.recipe.augment, self.module.piece_frames
        numpy_generator, generator = step_generators(config.seed, number, rank())
        torch.manual_seed(generator.initial_seed())
        power = self.sampler.draw(config.groups, config.pieces * pieces, numpy_generator).power
        backwards = torch.rand(config.groups, 1, 1, generator=generator) < config.backwards
        power = torch.where(backwards, power.flip(1), power)
        power, _ = augment.power(power, generator)
        spectrogram = augment.log_power(self.module.frontend.normalise(power), pieces, generator)
        with self.autocast():
            features, mask = self.module.net.features(spectrogram.to(self.device))
        adjacent, apart = self.module.net.profiles(features.float(), mask)
        return jigsaw_losses(adjacent, apart, config.continuity_weight)

    @torch.no_grad()
    def evaluate(self, module: Joins) -> dict[str, float]:
        scores = judge(module, self.clips[0])
        if len(self.clips) > 1:
            scores["exact_order_rendered"] = judge(module, self.clips[1])["exact_order"]
        return scores


def judge(module: Joins, clips: Tensor) -> dict[str, float]:
    """Accuracy of the exact order of three, and of shuffled or not on clips in order and in one of five others."""
    exact, told = [], []
    others = list(permutations(range(PIECES)))[1:]
    device = next(module.parameters()).device
    for first in range(0, len(clips), BATCH):
        scores = module.scores(module.frontend.normalise(clips[first : first + BATCH].to(device)))
        exact += (order_logits(scores).argmax(1) == 0).tolist()
        told += (out_of_order(scores) < 0.5).tolist()
        for i, successor in enumerate(scores):
            order = torch.tensor(others[(first + i) % len(others)])
            told.append(bool(out_of_order(successor[order][:, order][None]) > 0.5))
    return {"exact_order": sum(exact) / len(exact), "shuffled": sum(told) / len(told)}
