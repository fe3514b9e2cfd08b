"""Part that trains one method: draws clips, makes views, computes the objective's losses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from musicfeat.errors import ModelError
from musicfeat_trainer.data.clips import Clips, ClipSampler, ClipsConfig
from musicfeat_trainer.data.sets.dataset import DataSet
from musicfeat_trainer.data.sets.stored import stored
from musicfeat_trainer.data.teachers import Lessons, targets_of
from musicfeat_trainer.data.tracks import Track
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.method.checks import check
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.objectives.distillation import DistillationConfig, TaughtEncoder
from musicfeat_trainer.objectives.objective import Views
from musicfeat_trainer.precision import compile_in_place
from musicfeat_trainer.recipe.method import MethodConfig, MethodRecipe
from musicfeat_trainer.section import expanded
from musicfeat_trainer.training.ahead import Ahead
from musicfeat_trainer.training.checkpoint import load_checkpoint, load_recipe_of
from musicfeat_trainer.training.part import Part, step_generators

VALIDATION_SEED = 7


class MethodPart(Part[MethodRecipe, Method]):
    """Training of one method; drawing, augmenting and judging are the same for all objectives."""

    name = "method"
    recipe_type = MethodRecipe

    @classmethod
    def build(cls, recipe: MethodRecipe) -> Method:
        method = Method(recipe.method)
        check(method)
        return method

    @property
    def optimisation(self) -> MethodConfig:
        return self.recipe.method

    @property
    def chance(self) -> Mapping[str, float]:
        return self.recipe.method.objective.chance(self.recipe.method.batch)

    @property
    def watched(self) -> Sequence[str]:
        return self.module.objective.watched

    def open_training(self) -> None:
        self.sampler = self._sampler("train")
        objective = self.module.objective
        objective.prepare(len(self.sampler.stretches))
        if isinstance(objective, TaughtEncoder) and self.lessons:
            objective.distillation.fit(torch.from_numpy(self.lessons.sample()).to(self.device))
        self.batches = Ahead(self._clips)

    def open_validation(self, split: str = "validation") -> None:
        sampler = self._sampler(split)
        batch = min(self.optimisation.batch, len(sampler.stretches))
        draws = [step_generators(VALIDATION_SEED, number)[0] for number in range(self.optimisation.validation_batches)]
        self.clips = [sampler.draw(batch, generator) for generator in draws]

    def losses(self, number: int) -> dict[str, Tensor]:
        assert self.batches
        clips = self.batches(number)
        _, generator = step_generators(self.optimisation.seed, number, rank())
        torch.manual_seed(generator.initial_seed())
        return self.module.objective.losses(self.module.views(clips.to(self.device), generator))

    def compile(self) -> None:
        compile_in_place(self.module.objective.encoder, self.device)

    def after_step(self) -> None:
        self.module.objective.after_step()

    @torch.no_grad()
    def evaluate(self, module: Method) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for number, clips in enumerate(self.clips):
            torch.manual_seed(number)
            for key, value in module.objective.figures(self._views(module, clips)).items():
                sums[key] += value / len(self.clips)
        return dict(sums)

    def _views(self, module: Method, clips: Clips) -> Views:
        """Views of clips, augmented if the method compares views of one clip, which would otherwise be equal."""
        same = self.optimisation.clips.relation == "same" and len(clips.views) > 1
        generator = torch.Generator().manual_seed(VALIDATION_SEED) if same else None
        return module.views(clips.to(self.device), generator)

    @cached_property
    def dataset(self) -> DataSet:
        """Data set that the method learns from."""
        return self.recipe.data.set.open()

    @cached_property
    def lessons(self) -> Lessons | None:
        """Answers of the objective's teachers for the data set, computed first if missing; None without teachers."""
        config = self.optimisation.objective
        if not isinstance(config, DistillationConfig):
            return None
        targets, folder = targets_of(config.teachers), expanded(self.recipe.data.store)
        return Lessons([stored(self.dataset, folder, said) for said in targets], [said.card for said in targets])

    def _sampler(self, split: str) -> ClipSampler:
        method = self.module
        folder = expanded(self.recipe.data.store)
        return sampler_of(method, self.dataset, split, folder, method.config.clips, lessons=self.lessons)

    def _clips(self, number: int) -> Clips:
        generator, _ = step_generators(self.optimisation.seed, number, rank())
        return self.sampler.draw(self.optimisation.batch, generator)


def sampler_of(
    method: Method,
    dataset: DataSet,
    split: str,
    folder: Path,
    clips: ClipsConfig,
    views: int | None = None,
    lessons: Lessons | None = None,
) -> ClipSampler:
    """Sampler of a split's clips for each view of a method, or for the first ``views``, with the margins they need."""
    frontends = [method.frontend(view) for view in range(views or method.objective.views)]
    stores = {frontend: stored(dataset, folder, frontend.contents) for frontend in frontends}
    lengths = [frontend.frames(clips.seconds + 2 * clips.margin) for frontend in frontends]
    tracks = tracks_of(dataset, split, stores[frontends[0]].tracks)
    return ClipSampler([stores[frontend] for frontend in frontends], tracks, clips, lengths, lessons)


def tracks_of(dataset: DataSet, split: str, tracks: Sequence[Track]) -> list[Track]:
    """Stored tracks of a split."""
    wanted = {dataset.items[i].path for i in dataset.split(split)}
    return [track for track in tracks if track.path in wanted]


def load_method(run: Path) -> tuple[Method, MethodRecipe]:
    """Method with the averaged weights of a run, ready to embed, and its recipe.

    Raises:
        ModelError: the folder holds no run of a method, or a damaged one.
    """
    recipe = load_recipe_of(run)
    if not isinstance(recipe, MethodRecipe):
        raise ModelError(f"{run} is the run of a whole model, not of one method")
    method = Method(recipe.method.from_chance)
    load_checkpoint(run / MethodPart.name / "best.safetensors").restore("average", method)
    return method.eval(), recipe
