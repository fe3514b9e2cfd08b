"""MusicModel: waveform in, every output of the model contract out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from musicfeat.errors import ModelError
from musicfeat_trainer.bundled.cut_curves import Cuts
from musicfeat_trainer.bundled.cuts import CutsPart
from musicfeat_trainer.bundled.joins import Joins, JoinsPart
from musicfeat_trainer.bundled.tag_net import TagNet
from musicfeat_trainer.bundled.tags import TagsPart
from musicfeat_trainer.bundled.taught_tags import TaughtTags, taught_tags
from musicfeat_trainer.bundled.trunk import Trunk, TrunkPart
from musicfeat_trainer.encoders.temporal_net import TrunkOutput
from musicfeat_trainer.objectives.jigsaw import out_of_order
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.training.checkpoint import Checkpoint, digest, load_checkpoint, load_recipe_of
from musicfeat_trainer.training.part import Part

PARTS: dict[str, type[Part[Any, Any]]] = {part.name: part for part in (TrunkPart, TagsPart, JoinsPart, CutsPart)}
"""The parts of a model, in the order of training."""


class Outputs(NamedTuple):
    """The outputs of a model file, in its order."""

    embedding: Tensor  # [batch, D]
    frames: Tensor  # [batch, T, width]
    reversal: Tensor  # [batch], P(plays backwards)
    successor: Tensor  # [batch, 3, 3], score of piece a directly before piece b
    jigsaw: Tensor  # [batch], P(out of order)
    tags: Tensor | None  # [batch, labels], P(label holds); None for a recipe without tags
    cut: Tensor | None  # [batch, T], P(a cut here), the first value one half step behind the window's start
    backwards: Tensor | None  # [batch, T2], P(this plays backwards); both None for a recipe without cuts


class MusicModel(nn.Module):
    """All parts of a bundled model, over windows of fixed length."""

    def __init__(
        self,
        trunk: Trunk,
        joins: Joins,
        tags: TagNet | None = None,
        taught: TaughtTags | None = None,
        cuts: Cuts | None = None,
    ) -> None:
        super().__init__()
        self.trunk, self.joins, self.tags, self.taught, self.cuts = trunk, joins, tags, taught, cuts

    def forward(self, waveform: Tensor) -> Outputs:
        """Outputs for mono waveforms of any level, [batch, window samples] float32."""
        spectrum = self.trunk.frontend.spectrum(waveform)
        spectrogram = self.trunk.frontend.log_mel(spectrum).transpose(1, 2)
        trunk, embedding, reversal = self.trunk.read(spectrogram)
        keys = self.joins.heard(waveform, spectrum, self.trunk.frontend)
        successor = self.joins.scores_of_keys(keys)
        jigsaw = out_of_order(successor)
        tags = self._tags(trunk, embedding)
        curves: tuple[Tensor | None, Tensor | None] = (None, None)
        if self.cuts:
            curves = self.cuts(spectrogram, trunk.mask[:, 0], keys, self.joins.net.profiles)
        return Outputs(embedding, trunk.frames, torch.sigmoid(reversal), successor, jigsaw, tags, *curves)

    def _tags(self, trunk: TrunkOutput, embedding: Tensor) -> Tensor | None:
        """Probabilities of instruments, then of taught tags."""
        parts = [torch.sigmoid(self.tags(trunk))] if self.tags else []
        if self.taught:
            parts.append(self.taught(embedding))
        return torch.cat(parts, dim=1) if parts else None


def parts_of(recipe: Recipe) -> dict[str, type[Part[Any, Any]]]:
    """Parts of a recipe's model."""
    return {name: part for name, part in PARTS.items() if getattr(recipe, name) is not None}


def fresh_model(recipe: Recipe) -> MusicModel:
    """A recipe's model before training, without taught tags."""
    return MusicModel(**{name: part.build(recipe) for name, part in parts_of(recipe).items()}).eval()


def labels_of(recipe: Recipe) -> dict[str, str]:
    """Label -> kind of each tag of a recipe's model, in the order of its output."""
    instruments = recipe.tags.labels if recipe.tags else ()
    return {**dict.fromkeys(instruments, "instrument"), **{tag.label: tag.kind for tag in taught_tags(recipe)}}


def load_model(run: Path) -> tuple[MusicModel, Recipe]:
    """Model with the averaged weights of all parts of a run, ready to evaluate or export, and its recipe.

    Raises:
        ModelError: a part is missing, damaged, or trained by another recipe, on other weights than the run holds, or by
            a trainer with another network.
    """
    recipe = load_recipe_of(run)
    if not isinstance(recipe, Recipe):
        raise ModelError(f"{run} is the run of one method: there is no model of all outputs in it")
    checkpoints = {name: load_checkpoint(run / name / "best.safetensors") for name in parts_of(recipe)}
    model = fresh_model(recipe)
    for name, checkpoint in checkpoints.items():
        _check(name, checkpoint, checkpoints, recipe)
        checkpoint.restore("average", getattr(model, name))
    return with_taught_tags(model, recipe), recipe


def with_taught_tags(model: MusicModel, recipe: Recipe) -> MusicModel:
    """The model, with the taught tags of its recipe if it has any, made of what its trunk learned of teachers."""
    if model.trunk.distillation and (taught := taught_tags(recipe)):
        model.taught = TaughtTags(model.trunk.distillation, [tag.answers for tag in taught]).eval()
    return model


def _check(name: str, checkpoint: Checkpoint, others: dict[str, Checkpoint], recipe: Recipe) -> None:
    for section in ("window", *PARTS[name].needs, name):
        if getattr(checkpoint.recipe, section) != getattr(recipe, section):
            raise ModelError(f"part {name!r} was trained by another recipe, with another {section}: train it again")
    for other, expected in checkpoint.progress.get("origin", {}).items():
        if digest(others[other].part("average")) != expected:
            raise ModelError(f"part {name!r} was trained on another {other!r} than is there now: train it again")
