"""Part that yields the curves of cuts and of backward music, from edits made of the training music itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.bundled.collections import music_waves
from musicfeat_trainer.bundled.confirmation import confirmation
from musicfeat_trainer.bundled.cut_curves import Cuts, sounding, weighed
from musicfeat_trainer.bundled.cut_marks import (
    NEAR,
    Floats,
    calibration,
    calibration_error,
    judged,
    threshold,
)
from musicfeat_trainer.bundled.cut_net import BACKWARDS_FRAMES, CUT_FRAMES
from musicfeat_trainer.bundled.cut_pool import WindowPool
from musicfeat_trainer.bundled.cut_windows import Alarm, WindowMaker, Windows
from musicfeat_trainer.bundled.joins import Joins, JoinsPart
from musicfeat_trainer.bundled.lag_profiles import Keys
from musicfeat_trainer.bundled.splices import Splicer
from musicfeat_trainer.bundled.splicing import Edited
from musicfeat_trainer.distributed import rank
from musicfeat_trainer.evaluate.metrics import mean_roc_auc
from musicfeat_trainer.recipe.bundled import CutsConfig, Recipe
from musicfeat_trainer.training.part import Part, step_generators

BATCH = 32
MINUTES = 10.0
"""Minutes of clean music in which one false alarm is allowed."""
ALARMS = 64
"""False alarms that are remembered."""
LEAST = 0.05
"""Least P(cut) of the peaks whose calibration is judged."""


class CutsPart(Part[Recipe, Cuts]):
    """Training of ``Cuts`` on windows with edits, on clean ones and on its own false alarms."""

    name = "cuts"
    recipe_type = Recipe
    guesses: ClassVar[Mapping[str, float]] = {
        "cut_area": 1 / 2,
        "cuts_found": 0.0,
        "backwards": 1 / 2,
        "calibration": 0.0,
    }
    watched: Sequence[str] = ("cut_area", "cuts_found", "backwards")
    needs = ("joins",)

    @classmethod
    def build(cls, recipe: Recipe) -> Cuts:
        if not recipe.cuts:
            raise InputError("the recipe has no [cuts] section")
        return Cuts(recipe.cuts, recipe.window, JoinsPart.build(recipe).heads)

    @property
    def optimisation(self) -> CutsConfig:
        assert self.recipe.cuts
        return self.recipe.cuts

    def open_training(self) -> None:
        held_out = (*self.recipe.data.validation_sources, *self.recipe.data.test_sources)
        self.maker = WindowMaker(self._splicer(held_out, excluded=True), self.optimisation, self.module, self.joins)
        self.pool = WindowPool(self.maker, self.optimisation)
        self.alarms: list[Alarm] = []

    def open_validation(self) -> None:
        """Windows of held-out music, half of them with one edit, the others as they are."""
        splicer = self._splicer(self.recipe.data.validation_sources, excluded=False)
        generator = np.random.default_rng(self.optimisation.seed)
        count = self.optimisation.judged // 2
        drawn = [
            *(splicer.edited(generator, 1) for _ in range(count)),
            *(splicer.clean(generator) for _ in range(count)),
        ]
        drawn = [edited.reversed() if i % 4 == 1 and i < count else edited for i, edited in enumerate(drawn)]
        maker = WindowMaker(splicer, self.optimisation, self.module, self.joins)
        self.windows, self.clean = maker.windows(drawn), count

    @cached_property
    def joins(self) -> Joins:
        """The finished joins, whose keys are heard."""
        return self.finished(JoinsPart)

    @property
    def resumable_every(self) -> int:
        return self.optimisation.renew_every

    def _splicer(self, sources: Sequence[str], *, excluded: bool) -> Splicer:
        rate, least = self.optimisation.frontend.sample_rate, self.recipe.window
        found = [
            store.values[track.start : track.start + track.frames]
            for store in music_waves(self.recipe, rate)
            for track in store.tracks
            if (track.source in sources) != excluded and track.frames >= least
        ]
        if not found:
            raise InputError(f"no recording lasts a window of {least / rate:g} s: add longer ones")
        return Splicer(found, self.recipe.window, rate)

    def losses(self, number: int) -> dict[str, Tensor]:
        config = self.optimisation
        if not self.pool.rounds or number % config.renew_every == 0:
            self._renew(number)
        generator = step_generators(config.seed, number, rank())[1]
        torch.manual_seed(generator.initial_seed())
        windows = self.pool.drawn(generator)
        power = self.recipe.augment.worn(windows.power, generator)
        spectrogram = self.module.frontend.normalise(power.to(self.device))
        with self.autocast():
            answers = self.module.net(spectrogram, windows.periods.to(self.device))
        sounds = (spectrogram.amax(dim=2) > 0).float()
        losses = [
            entropy(answer.float(), there, counts.to(self.device) * sounding(sounds, frames), weight)
            for answer, (there, counts), frames, weight in zip(
                answers,
                (windows.cut, windows.backwards),
                (CUT_FRAMES, BACKWARDS_FRAMES),
                (config.cut_weight, 1.0),
                strict=True,
            )
        ]
        return {"cut": 20 * losses[0], "backwards": config.backwards_weight * losses[1]}

    def _renew(self, number: int) -> None:
        """Make the windows for the next steps, some of them around the network's false alarms of now."""
        if number:
            self._mine(number)
        self.pool.renew(number // self.optimisation.renew_every, self.alarms)

    @torch.no_grad()
    def _mine(self, number: int) -> None:
        """Remember the places in clean training music where the network is surest of a cut."""
        config = self.optimisation
        generator, _ = step_generators(config.seed + 1, number, rank())
        places = [self.maker.splicer.place(generator) for _ in range(config.mine_windows)]
        self.module.eval()
        found: list[tuple[float, int, int]] = []
        for recording, start in places:
            window = self.maker.windows([Edited(self.maker.splicer.at(recording, start))])
            cut = self._logits(self.module, window)[0][0]
            at = int(cut[NEAR:-NEAR].argmax()) + NEAR
            found.append((float(cut[at]), recording, start + round((at + 0.5) * self.recipe.window / len(cut))))
        self.module.train()
        self.alarms = [(recording, at) for _, recording, at in sorted(found, reverse=True)[:ALARMS]]

    def _logits(self, module: Cuts, windows: Windows) -> tuple[Tensor, Tensor]:
        spectrogram = module.frontend.normalise(windows.power.to(self.device))
        return module.net(spectrogram, windows.periods.float().to(self.device))

    @torch.no_grad()
    def _evidence(self, module: Cuts) -> tuple[Floats, Floats, Floats]:
        """What is heard in the held-out windows: logits of cuts, nats of the joins for cuts, logits of backwards."""
        parts = list[tuple[Tensor, Tensor, Tensor]]()
        for numbers in torch.arange(len(self.windows.power)).split(BATCH):
            windows = self.windows.chosen(numbers)
            cut, backwards = self._logits(module, windows)
            keys = Keys(*(part.float().to(self.device) for part in windows.keys))
            parts.append((cut, confirmation(cut, keys, self.joins.net.profiles), backwards))
        found = [torch.cat(part).float().cpu().numpy() for part in zip(*parts, strict=True)]
        return found[0], found[1], found[2]

    def fit_closed_form(self, module: Cuts) -> None:
        """Fit the weights of all evidence, so that it becomes probabilities on held-out music."""
        cut, joins, backwards = self._evidence(module)
        peaks = judged(cut, self.windows.places)
        evidence = np.stack([peaks.heights(cut), peaks.heights(joins)], axis=1)
        module.cut_weights.copy_(torch.tensor(calibration(evidence, peaks.true)))
        there, counts = (part.numpy() for part in self.windows.backwards)
        module.backwards_weights.copy_(torch.tensor(calibration(backwards[counts > 0, None], there[counts > 0])))

    def evaluate(self, module: Cuts) -> dict[str, float]:
        """Figures on held-out music.

        ``cut_area``: area under the ROC over all places. ``cuts_found``: share of cuts with a peak within a tenth of a
        second, at one false alarm in ten minutes of clean music. ``backwards``: accuracy of places, both directions
        counting alike. ``calibration``: 1 less the calibration error of P(cut) at peaks.
        """
        logits, joins, backwards = self._evidence(module)
        cut = weighed(module.cut_weights.cpu(), torch.from_numpy(logits), torch.from_numpy(joins)).numpy()
        there, counts = (part.numpy() for part in self.windows.cut)
        found = judged(cut, self.windows.places)
        alarms = judged(cut[self.clean :], self.windows.places[self.clean :]).heights(cut[self.clean :])
        minutes = (len(cut) - self.clean) * self.recipe.window / self.optimisation.frontend.sample_rate / 60
        p = np.asarray(1 / (1 + np.exp(-np.clip(found.heights(cut), -30, 30))), np.float32)
        return {
            "cut_area": mean_roc_auc(cut.reshape(-1, 1), there.reshape(-1, 1), counts.reshape(-1, 1)),
            "cuts_found": share_above(found.found, threshold(alarms, int(minutes / MINUTES))),
            "backwards": balanced(backwards, *(part.numpy() for part in self.windows.backwards)),
            "calibration": 1 - calibration_error(p[p >= LEAST], found.true[p >= LEAST]),
        }


def share_above(heights: Floats, least: float) -> float:
    """Share of heights above ``least``; 0 of none."""
    return float(np.mean(heights > least)) if len(heights) else 0.0


def entropy(logits: Tensor, there: Tensor, counts: Tensor, weight: float) -> Tensor:
    """Mean cross-entropy over the answers that count; those that are there weigh ``weight`` times as much."""
    target = there.to(logits.device)
    each = nn.functional.binary_cross_entropy_with_logits(
        logits, target, reduction="none", pos_weight=logits.new_tensor(weight)
    )
    return (each * counts).sum() / counts.sum().clamp(min=1.0)


def balanced(logits: np.ndarray, there: np.ndarray, counts: np.ndarray) -> float:
    """Mean of the accuracies on answers of both kinds that count."""
    right = (logits > 0) == (there > 0)
    return float(np.mean([right[(counts > 0) & (there == kind)].mean() for kind in (0, 1)]))
