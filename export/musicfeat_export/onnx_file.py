"""A trained run to one ONNX file: waveform in, everything out, spectrogram inside, card in the metadata."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from musicfeat.card import ModelCard
from musicfeat.errors import ModelError
from musicfeat_export.parity import check_parity
from musicfeat_trainer.config import Recipe
from musicfeat_trainer.model import MusicModel, Outputs, load_model
from musicfeat_trainer.parts.joins import PIECES

OPSET = 18
FORBIDDEN_OPS = {"STFT", "DFT", "Loop", "If", "Scan", "MelWeightMatrix"}
"""What some engine lacks; see the model contract in this folder's README."""


def export(run: Path, path: Path, scores: dict[str, float] | None = None) -> dict[str, float]:
    """Export the averaged weights of all parts of a run; write ``path`` and its sidecar ``path``.json.

    Args:
        run: folder that ``musicfeat-train run`` wrote.
        path: the ONNX file to write. Nothing is written unless every check passes.
        scores: measured figures for the card.

    Returns:
        The greatest difference of each output between torch and ONNX Runtime.

    Raises:
        ModelError: the run is unusable, the graph breaks the contract, or parity fails.
    """
    model, recipe = load_model(run)
    proto = to_onnx(model, recipe.window, outputs_of(recipe))
    card = replace(card_of(model, recipe), weights_sha256=weights_digest(proto), scores=scores or {})
    differences = write(proto, model, card, path)
    sidecar = {**asdict(card), "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n")
    return differences


def write(proto: onnx.ModelProto, model: MusicModel, card: ModelCard, path: Path) -> dict[str, float]:
    """Put the card into the graph, check both, and write the file, all or nothing; returns ``check_parity``."""
    onnx.helper.set_model_props(proto, card.to_metadata())
    check_graph(proto)
    temporary = path.with_suffix(".tmp")
    try:
        onnx.save(proto, temporary)
        differences = check_parity(model, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return differences


def to_onnx(module: nn.Module, window: int, outputs: Sequence[str]) -> onnx.ModelProto:
    """Trace a module of [batch, window] over a dynamic batch; the spectrogram, if any, is part of it."""
    program = torch.onnx.export(
        module.eval(),
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
    proto = program.model_proto
    for node in proto.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    proto.graph.ClearField("value_info")
    proto.ClearField("metadata_props")
    return proto


def outputs_of(recipe: Recipe) -> tuple[str, ...]:
    """The outputs that a recipe's model has: tags only where it has such a part."""
    return tuple(name for name in Outputs._fields if name != "tags" or recipe.tags)


def card_of(model: MusicModel, recipe: Recipe) -> ModelCard:
    """What a recipe and its model know for the card."""
    spec = model.trunk.frontend.spec
    return ModelCard(
        name=recipe.name,
        version=recipe.version,
        sample_rate=spec.sample_rate,
        window=recipe.window,
        hop=recipe.window,
        outputs=outputs_of(recipe),
        pieces=PIECES,
        piece_distance=model.joins.distance_samples,
        frame_hop=float(model.trunk.net.time_step * spec.hop),
        labels=recipe.tags.labels if recipe.tags else (),
        licence=recipe.card.licence,
        training_data=recipe.card.training_data,
        recipe=recipe.model_dump_json(),
    )


def check_graph(proto: onnx.ModelProto) -> None:
    """Valid for the ONNX checker with full shape inference, standard operators only, none forbidden.

    Raises:
        ModelError: naming what is wrong.
    """
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"the exported graph is not valid ONNX: {error}") from error
    used = {(node.domain, node.op_type) for node in proto.graph.node}
    custom = sorted(op for domain, op in used if domain not in ("", "ai.onnx"))
    forbidden = sorted(op for _, op in used if op in FORBIDDEN_OPS)
    if custom or forbidden or proto.functions:
        raise ModelError(f"the exported graph has operators that some engines lack: {custom + forbidden}")


def weights_digest(proto: onnx.ModelProto) -> str:
    """SHA-256 over all initializers: names, shapes and bytes, sorted by name."""
    digest = hashlib.sha256()
    for tensor in sorted(proto.graph.initializer, key=lambda t: t.name):
        digest.update(f"{tensor.name}{list(tensor.dims)}".encode())
        digest.update(numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()
