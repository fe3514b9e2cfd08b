"""Export of a trained run to one ONNX file: spectrogram and all outputs inside, the card in the metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx
import torch
from onnx_ir.passes.common import IdentityEliminationPass
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules.common import transpose_transpose_rule
from torch import nn

from musicfeat.errors import ModelError
from musicfeat.model.card import CURVES, ModelCard
from musicfeat_export.graph import shared, turn_weights
from musicfeat_export.method_file import MethodModel, check_twin, load_exportable, method_card
from musicfeat_export.model_file import write
from musicfeat_export.parity import check_parity
from musicfeat_trainer.bundled.joins import PIECES
from musicfeat_trainer.bundled.model import MusicModel, Outputs, labels_of, load_model
from musicfeat_trainer.encoders.time_last import with_plain_convolutions
from musicfeat_trainer.method.part import load_method
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.method import MethodRecipe
from musicfeat_trainer.training.checkpoint import load_recipe_of

OPSET = 18


def export(run: Path, path: Path, scores: dict[str, float] | None = None) -> dict[str, float]:
    """Export the averaged weights of a run, of a whole model or of one method, to ``path`` and ``path``.json.

    Args:
        run: folder that ``musicfeat-train run`` wrote.
        path: the ONNX file to write. Nothing is written unless every check passes.
        scores: measured figures for the card.

    Returns:
        The greatest difference of each output between torch and ONNX Runtime.

    Raises:
        ModelError: the run is unusable, the graph breaks the contract, or parity fails.
    """
    found = load_recipe_of(run)
    if isinstance(found, MethodRecipe):
        return export_method(run, found, path, scores or {})
    model, recipe = load_model(run)
    proto = to_onnx(model, recipe.window, outputs_of(recipe))
    card = replace(card_of(model, recipe), scores=scores or {})
    return write(proto, card, path, lambda written: check_parity(model, written))


def export_method(run: Path, recipe: MethodRecipe, path: Path, scores: dict[str, float]) -> dict[str, float]:
    """``export`` for the run of one method; parity is measured against the network as its evaluation uses it."""
    model = load_exportable(run, recipe)
    card = method_card(model, recipe, scores)
    check_twin(MethodModel(load_method(run)[0]), model, card)
    proto = to_onnx(model, model.window, card.outputs)
    return write(proto, card, path, lambda written: check_parity(model, written, relative=True))


def to_onnx(module: nn.Module, window: int, outputs: Sequence[str]) -> onnx.ModelProto:
    """Trace a module of [batch, window] over a dynamic batch, its spectrogram included.

    Weights of convolutions lie in the graph once and as it reads them, and no transposition undoes another.
    """
    program = torch.onnx.export(
        with_plain_convolutions(module).eval(),
        (torch.zeros(2, window),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["waveform"],
        output_names=list(outputs),
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        verbose=False,
    )
    if program is None:
        raise ModelError("torch.onnx.export returned no program")
    rewrite(program.model, pattern_rewrite_rules=[transpose_transpose_rule])
    IdentityEliminationPass()(program.model)
    proto = shared(program.model_proto)
    turn_weights(proto.graph)
    for node in proto.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    proto.graph.ClearField("value_info")
    proto.ClearField("metadata_props")
    return proto


def outputs_of(recipe: Recipe) -> tuple[str, ...]:
    """The outputs of a recipe's model; tags and curves only if it has those parts."""
    missing = set() if recipe.tags or recipe.taught else {"tags"}
    missing |= set() if recipe.cuts else set(CURVES)
    return tuple(name for name in Outputs._fields if name not in missing)


def card_of(model: MusicModel, recipe: Recipe) -> ModelCard:
    """The card, as far as a recipe and its model determine it."""
    spec, labels = model.trunk.frontend.spec, labels_of(recipe)
    return ModelCard(
        name=recipe.name,
        version=recipe.version,
        sample_rate=spec.sample_rate,
        window=recipe.window,
        hop=recipe.window,
        outputs=outputs_of(recipe),
        pieces=PIECES,
        piece_distance=model.joins.distance_samples,
        curves=_curves_of(model),
        frame_hop=float(model.trunk.net.time_step * spec.step),
        labels=tuple(labels),
        kinds=tuple(labels.values()),
        licence=recipe.card.licence,
        training_data=recipe.card.training_data,
        recipe=recipe.model_dump_json(),
    )


def _curves_of(model: MusicModel) -> dict[str, tuple[float, float]]:
    """The card's ``curves``: each value stands for the time around its middle."""
    if not model.cuts:
        return {}
    steps = zip(CURVES, (model.cuts.cut_seconds, model.cuts.backwards_seconds), strict=True)
    return {name: (step, step / 2) for name, step in steps}
