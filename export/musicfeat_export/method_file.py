"""Export of a trained run of one method: an ONNX file from waveform to embedding and judgements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from musicfeat.errors import ModelError
from musicfeat.model.card import ModelCard
from musicfeat_export.parity import probe_windows
from musicfeat_trainer.data.contents import Waveform
from musicfeat_trainer.method.method import Method
from musicfeat_trainer.method.part import MethodPart
from musicfeat_trainer.recipe.method import MethodConfig, MethodRecipe
from musicfeat_trainer.training.checkpoint import load_checkpoint

PIECES = 3
"""Pieces in a window of a method that has none of its own; ``successor``, which cuts windows, is no exported output."""


LEAST_COSINE = 0.9999
"""Least cosine between embeddings behind a library's frontend and behind its twin."""


class MethodOutputs(NamedTuple):
    """The outputs of a method's file, in its order; None for a missing one."""

    embedding: Tensor  # [batch, D], what downstream tasks read
    reversal: Tensor | None  # [batch], P(plays backwards)
    jigsaw: Tensor | None  # [batch], P(out of order)


class MethodModel(nn.Module):
    """A method's network from windows to its outputs, as its training and its evaluation read clips.

    A window is a clip with its margins on both sides: frontends hear those, encoders do not see them.
    """

    def __init__(self, method: Method) -> None:
        super().__init__()
        config, frontend = method.config, method.frontend(0)
        self.method, self.sample_rate = method.eval(), _waveform(method).sample_rate
        self.window = frontend.frames(config.clips.seconds + 2 * config.clips.margin)
        self.hop = frontend.frames(config.clips.seconds)
        self.pieces = config.pieces.count if config.pieces else PIECES

    def forward(self, waveform: Tensor) -> MethodOutputs:
        """[batch, window] float32, mono, within -1 and 1."""
        method = self.method
        features = method.arranged(method.without_margin(method.frontend(0)(waveform), 0))
        embedding = method.objective.embed(features)
        judged = method.objective.judgements(embedding)
        return MethodOutputs(embedding, judged.get("reversal"), judged.get("jigsaw"))

    @torch.no_grad()
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs that the method has."""
        found = self(torch.zeros(1, self.window))
        return tuple(name for name, value in found._asdict().items() if value is not None)

    @torch.no_grad()
    def level_matters(self) -> bool:
        """True if a quieter copy of a sound gets other answers, as with raw samples or decibels relative to 1."""
        sound = torch.sin(torch.arange(self.window) * 0.1)[None] * torch.linspace(0.1, 1, self.window)
        loud, quiet = (self(gain * sound).embedding for gain in (1.0, 0.25))
        return not torch.allclose(loud, quiet, rtol=1e-3, atol=1e-4 * float(loud.abs().max()))


def load_exportable(run: Path, recipe: MethodRecipe) -> MethodModel:
    """The averaged weights of a run behind frontends that export.

    Raises:
        ModelError: the run is damaged, or reads no sound.
    """
    method = Method(exportable(recipe.method))
    load_checkpoint(run / MethodPart.name / "best.safetensors").restore("average", method)
    return MethodModel(method)


def exportable(config: MethodConfig) -> MethodConfig:
    """The configuration with frontends of other libraries replaced by matrix-product twins of the same values."""
    changes = {}
    if twin := getattr(config.frontend, "exportable", None):
        changes["frontend"] = twin()
    if config.second and (twin := getattr(config.second.frontend, "exportable", None)):
        changes["second"] = config.second.model_copy(update={"frontend": twin()})
    return config.from_chance.model_copy(update={**changes, "bfloat16": False})


@torch.no_grad()
def check_twin(trained: MethodModel, twin: MethodModel, card: ModelCard) -> None:
    """Compare a network behind its own frontend with the exported twin, if their frontends differ.

    Embeddings are compared by direction, since two libraries' float32 values differ in almost silent frames.

    Raises:
        ModelError: embeddings of a sound have a cosine below ``LEAST_COSINE``.
    """
    if type(trained.method.frontend(0).transform) is type(twin.method.frontend(0).transform):
        return
    windows = torch.from_numpy(probe_windows(card, batch=5, share=1.0)[:-1])
    least = nn.functional.cosine_similarity(trained(windows).embedding, twin(windows).embedding).min().item()
    if least < LEAST_COSINE:
        raise ModelError(f"what would be exported differs from what was trained: cosine {least:.6f} of embeddings")


def method_card(model: MethodModel, recipe: MethodRecipe, scores: dict[str, float]) -> ModelCard:
    """The card, as far as a recipe and its network determine it."""
    card = ModelCard(
        name=recipe.name,
        version=recipe.version,
        sample_rate=model.sample_rate,
        window=model.window,
        hop=model.hop,
        outputs=model.outputs(),
        pieces=model.pieces,
        piece_distance=0,
        level_matters=model.level_matters(),
        training_data=f"the training split of {recipe.data.set.name}",
        recipe=recipe.model_dump_json(),
    )
    return replace(card, scores=scores)


def _waveform(method: Method) -> Waveform:
    contents = method.frontend(0).contents
    if not isinstance(contents, Waveform):
        raise ModelError(
            f"{method.config.frontend.name} reads MIDI, and a model file hears sound: there is nothing to export; "
            "methods whose first frontend hears sound, such as mel-sym, can be"
        )
    return contents
