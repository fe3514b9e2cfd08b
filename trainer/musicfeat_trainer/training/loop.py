"""Training loop for one part of a recipe in one folder; resumed from its last checkpoint it gives the same curve."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from musicfeat.errors import InputError
from musicfeat_trainer.distributed import average_gradients, from_first, rank, share_weights
from musicfeat_trainer.memory import keep_freed_memory
from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.precision import memory_format
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from musicfeat_trainer.training.curves import append_row, draw_curves
from musicfeat_trainer.training.part import Part
from musicfeat_trainer.training.progress import Progress


def changed_sections(old: AnyRecipe, new: AnyRecipe, part: Part[Any, Any]) -> list[str]:
    """Sections in which two recipes differ and that define a part's run."""
    sections = (
        "data",
        "rendered",
        "notes",
        "teachers",
        "openmic",
        "tempo",
        "augment",
        "window",
        *part.needs,
        part.name,
    )
    return [section for section in sections if getattr(old, section, None) != getattr(new, section, None)]


def optimizer_of(module: nn.Module, config: Optimisation) -> torch.optim.Optimizer:
    """Optimizer that a recipe names, over all trainable weights."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, rate, config.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(weights, rate, weight_decay=decay)


class Trainer:
    """Trainer of one part of a run, with a folder: last.safetensors, best.safetensors, log.csv, curves.png."""

    def __init__(self, part: Part[Any, Any], device: str = "cpu") -> None:
        self.part, self.config = part, part.optimisation
        self.folder, self.device = part.run / part.name, torch.device(device)
        torch.manual_seed(self.config.seed)
        part.module = part.build(part.recipe)
        self.module: nn.Module = part.module.to(self.device, memory_format=memory_format(self.device))
        share_weights(self.module)
        self.average = AveragedModel(
            self.module, multi_avg_fn=get_ema_multi_avg_fn(self.config.average), use_buffers=True
        )
        self.optimizer = optimizer_of(self.module, self.config)
        self.progress: dict[str, Any] = {"step": 0, "best": -1.0, "stale": 0, "lowered": 0, "losses": {}}
        self.waiting = 0.0
        """Share of the time of ``run`` in which steps waited for data."""
        self._resume()

    @property
    def averaged(self) -> nn.Module:
        """Module with the moving average of the weights, which is evaluated and kept."""
        return self.average.module

    def _resume(self) -> None:
        if not (self.folder / "last.safetensors").exists():
            return
        checkpoint = load_checkpoint(self.folder / "last.safetensors")
        if changed := changed_sections(checkpoint.recipe, self.part.recipe, self.part):
            raise InputError(
                f"{self.folder} holds a run with other {', '.join(changed)}: choose another folder with -o"
            )
        checkpoint.restore("model", self.module)
        checkpoint.restore("average", self.averaged)
        self.average.n_averaged.fill_(checkpoint.progress["step"])
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"))
        self.progress |= checkpoint.progress

    @property
    def finished(self) -> bool:
        """True if all steps are done, or validation has not improved for long enough."""
        return self.progress["step"] >= self.config.steps or self.progress["stale"] >= self.config.patience

    def run(self) -> dict[str, float] | None:
        """Train to the end, or until validation no longer improves.

        Returns:
            The last scores; None if the run was finished already.
        """
        if self.finished:
            return None
        if self.device.type == "cpu":
            keep_freed_memory()
        self.part.open_training()
        self.part.open_validation()
        scores = None
        begun = saved = time.monotonic()
        if self.config.compile:
            self.part.compile()
        bar = Progress(self.part.name, self.progress["step"], self.config.steps, quiet=rank() > 0)
        while not self.finished:
            for name, loss in self.step(self.progress["step"]).items():
                self.progress["losses"].setdefault(name, []).append(loss)
            self.progress["step"] += 1
            bar.stepped()
            if self.progress["step"] % self.config.evaluate_every == 0 or self.progress["step"] == self.config.steps:
                scores = self._evaluate({name: sum(x) / len(x) for name, x in self.progress["losses"].items()})
                bar.evaluated(scores)
                self.progress["losses"] = {}
            due = time.monotonic() - saved > self.config.checkpoint_seconds
            if due and self.progress["step"] % self.part.resumable_every == 0:
                self._save("last")
                saved = time.monotonic()
        bar.close()
        self.waiting = self.part.waited / (time.monotonic() - begun)
        self._save("last")
        return scores

    def keep_untrained(self) -> None:
        """Keep the initial weights, such as those of a network for pictures, as the run's result."""
        for name in ("last", "best"):
            self._save(name)

    def step(self, number: int) -> dict[str, float]:
        """Make one update and return its losses."""
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self._learning_rate(number)
        self.module.train()
        losses = self.part.losses(number)
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        average_gradients(self.module)
        if self.config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.part.after_step()
        self.average.update_parameters(self.module)
        return {key: value.item() for key, value in losses.items()}

    def _learning_rate(self, number: int) -> float:
        """Learning rate of a step: linear warm-up, then the recipe's schedule."""
        config = self.config
        if number < config.warmup:
            return config.learning_rate * (number + 1) / config.warmup
        if config.schedule != "cosine":
            return config.learning_rate * 0.1 ** self.progress["lowered"]
        done = (number - config.warmup) / max(1, config.steps - config.warmup)
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    def _evaluate(self, losses: dict[str, float]) -> dict[str, float]:
        """Judge and log in the first process; count evaluations without a better score in all processes."""
        scores = from_first(self._figures() if rank() == 0 else {})
        if rank() == 0:
            self._log(losses, scores)
        watched = [scores[name] for name in self.part.watched or scores]
        mean = sum(watched) / max(1, len(watched))
        better = not scores or mean > self.progress["best"]
        self.progress["stale"] = 0 if better else self.progress["stale"] + 1
        if self.config.schedule == "plateau" and self.progress["stale"] % self.config.plateau_patience == 0:
            self.progress["lowered"] += not better
        if better:
            self.progress["best"] = mean
            self._save("best")
        return scores

    def _figures(self) -> dict[str, float]:
        """Figures of the averaged weights, after those with a closed form are fitted."""
        self.part.fit_closed_form(self.averaged.eval())
        return self.part.evaluate(self.averaged)

    def _log(self, losses: dict[str, float], scores: dict[str, float]) -> None:
        losses = {f"loss_{key}": value for key, value in losses.items()}
        append_row(self.folder / "log.csv", {"step": self.progress["step"], **losses, **scores})
        draw_curves(self.folder / "log.csv", self.folder / "curves.png", self.part.chance)

    def _save(self, name: str) -> None:
        if rank() > 0:
            return
        tensors = {f"model.{k}": v for k, v in self.module.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.averaged.state_dict().items()}
        if name == "last":
            tensors |= {f"optimizer.{k}": v for k, v in optimizer_tensors(self.optimizer).items()}
        progress = {**self.progress, "origin": self.part.origin}
        save_checkpoint(self.folder / f"{name}.safetensors", Checkpoint(self.part.recipe, tensors, progress))
