"""The training loop: one recipe, one folder, resumable from its last checkpoint to the same curve."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from musicfeat.errors import InputError
from musicfeat_trainer.checkpoint import (
    Checkpoint,
    build_model,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from musicfeat_trainer.config import Recipe
from musicfeat_trainer.curves import append_row, draw_curves
from musicfeat_trainer.data.sampler import CropSampler, step_generators
from musicfeat_trainer.data.store import SpectrogramStore, prepare
from musicfeat_trainer.encoders.temporal_net import PIECES
from musicfeat_trainer.evaluate.pretext import PretextScores, evaluate_pretext, fixed_clips
from musicfeat_trainer.model import SequenceModel
from musicfeat_trainer.objectives.jigsaw import jigsaw_loss
from musicfeat_trainer.objectives.time_reversal import reversal_loss


def changed_sections(old: Recipe, new: Recipe) -> list[str]:
    """The sections of a recipe that make a run another run, where two recipes differ."""
    sections = ("data", "frontend", "encoder", "tempo", "augment", "training")
    return [section for section in sections if getattr(old, section) != getattr(new, section)]


class Trainer:
    """Trains one recipe into ``folder``: last.safetensors, best.safetensors, log.csv, curves.png."""

    def __init__(self, recipe: Recipe, folder: Path, device: str = "cpu") -> None:
        self.recipe, self.config = recipe, recipe.training
        self.folder, self.device = folder, torch.device(device)
        torch.manual_seed(self.config.seed)
        self.model = build_model(recipe).to(self.device)
        self.average = AveragedModel(
            self.model, multi_avg_fn=get_ema_multi_avg_fn(self.config.average), use_buffers=True
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        self.progress: dict[str, Any] = {"step": 0, "best": -1.0, "stale": 0}
        self._open_data()
        self._resume()

    @property
    def averaged(self) -> SequenceModel:
        """The model whose weights are the moving average: the one that is evaluated and kept."""
        return cast("SequenceModel", self.average.module)

    def _open_data(self) -> None:
        data = self.recipe.data.expanded()
        store = prepare(data.store, data.audio, data.table, self.recipe.frontend)
        store = SpectrogramStore(store.values[:], store.tracks)
        held_out = (*data.validation_sources, *data.test_sources)
        longest = self.config.pieces * self.config.piece_frames
        self.sampler = CropSampler(store, store.of_sources(held_out, excluded=True), longest, self.recipe.tempo)
        validation = store.of_sources(data.validation_sources)
        frames = PIECES * self.config.piece_frames
        self.clips = fixed_clips(store, validation, frames, self.config.clips_per_track)

    def _resume(self) -> None:
        if not (self.folder / "last.safetensors").exists():
            return
        checkpoint = load_checkpoint(self.folder / "last.safetensors")
        if changed := changed_sections(checkpoint.recipe, self.recipe):
            raise InputError(
                f"{self.folder} holds a run with other {', '.join(changed)}: choose another folder with -o"
            )
        self.model.load_state_dict(checkpoint.part("model"))
        self.averaged.load_state_dict(checkpoint.part("average"))
        self.average.n_averaged.fill_(checkpoint.progress["step"])
        restore_optimizer(self.optimizer, checkpoint.part("optimizer"))
        self.progress = checkpoint.progress

    def run(self) -> PretextScores | None:
        """Train to the end, or until validation no longer improves.

        Returns:
            The last scores, or None if the run had ended before.
        """
        scores, losses, saved = None, [], time.monotonic()
        bar = tqdm(initial=self.progress["step"], total=self.config.steps, desc=self.recipe.name)
        while self.progress["step"] < self.config.steps and self.progress["stale"] < self.config.patience:
            losses.append(self.step(self.progress["step"]))
            self.progress["step"] += 1
            bar.update()
            if self.progress["step"] % self.config.evaluate_every == 0 or self.progress["step"] == self.config.steps:
                scores = self._evaluate(torch.tensor(losses).mean(0).tolist())
                bar.set_postfix(reversal=f"{scores.reversal:.3f}", order=f"{scores.exact_order:.3f}")
                losses = []
            if time.monotonic() - saved > self.config.checkpoint_seconds and not losses:
                self._save("last")
                saved = time.monotonic()
        bar.close()
        self._save("last")
        return scores

    def step(self, number: int) -> tuple[float, float]:
        """One update; returns the losses of reversal and jigsaw."""
        groups, flipped, whole = (x.to(self.device) for x in self._batch(number))
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = self._learning_rate(number)
        self.model.train()
        scores, logits = self.model.train_outputs(groups, flipped)
        labels = torch.zeros_like(logits)
        labels[len(groups) :] = 1.0
        reversal = reversal_loss(logits, labels, self.config.label_smoothing)
        jigsaw = jigsaw_loss(scores[whole]) if whole.any() else 0 * scores.sum()
        self.optimizer.zero_grad(set_to_none=True)
        (reversal + self.config.jigsaw_weight * jigsaw).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.average.update_parameters(self.model)
        return reversal.item(), jigsaw.item()

    def _batch(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Groups of consecutive pieces, as many windows played backwards, and which groups are whole."""
        config, augment = self.config, self.recipe.augment
        numpy_generator, generator = step_generators(config.seed, number)
        torch.manual_seed(generator.initial_seed())
        window = PIECES * config.piece_frames
        power = self.sampler.draw(2 * config.groups, config.pieces * config.piece_frames, numpy_generator)
        power = augment.power(power, power.roll(1, 0), generator)
        power[config.groups :] = power[config.groups :].flip(1)
        spectrogram = augment.log_power(self.model.frontend.normalise(power), config.piece_frames, generator)
        lengths = augment.lengths(len(power), window, generator)
        whole = lengths == window
        silent = (torch.arange(power.shape[1]) >= lengths[:, None]) & ~whole[:, None]
        spectrogram = spectrogram.masked_fill(silent[..., None], 0.0)
        return spectrogram[: config.groups], spectrogram[config.groups :, :window], whole[: config.groups]

    def _learning_rate(self, number: int) -> float:
        """Linear warm-up, then a cosine to zero."""
        config = self.config
        if number < config.warmup:
            return config.learning_rate * (number + 1) / config.warmup
        done = (number - config.warmup) / max(1, config.steps - config.warmup)
        return config.learning_rate * (1 + math.cos(math.pi * done)) / 2

    def _evaluate(self, losses: list[float]) -> PretextScores:
        scores = evaluate_pretext(self.averaged, self.clips)
        row = {
            "step": self.progress["step"],
            "reversal_loss": losses[0],
            "jigsaw_loss": losses[1],
            "reversal": scores.reversal,
            "exact_order": scores.exact_order,
            "shuffled": scores.shuffled,
        }
        append_row(self.folder / "log.csv", row)
        draw_curves(self.folder / "log.csv", self.folder / "curves.png")
        better = scores.mean > self.progress["best"]
        self.progress["stale"] = 0 if better else self.progress["stale"] + 1
        if better:
            self.progress["best"] = scores.mean
            self._save("best")
        return scores

    def _save(self, name: str) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.averaged.state_dict().items()}
        if name == "last":
            tensors |= {f"optimizer.{k}": v for k, v in optimizer_tensors(self.optimizer).items()}
        save_checkpoint(self.folder / f"{name}.safetensors", Checkpoint(self.recipe, tensors, self.progress))
