"""Checkpoint to one ONNX file: waveform in, everything out, spectrogram inside, card in the metadata."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from musicfeat.card import ModelCard
from musicfeat.errors import ModelError
from musicfeat_export.parity import check_parity
from musicfeat_trainer.checkpoint import Checkpoint, load_model
from musicfeat_trainer.encoders.temporal_net import PIECES
from musicfeat_trainer.model import Outputs, SequenceModel

OPSET = 18
FORBIDDEN_OPS = {"STFT", "DFT", "Loop", "If", "Scan", "MelWeightMatrix"}
"""What some engine lacks; see the model contract in this folder's README."""


def export(checkpoint: Path, path: Path, scores: dict[str, float] | None = None) -> dict[str, float]:
    """Export the averaged weights of a checkpoint and write ``path`` and its sidecar ``path``.json.

    Args:
        checkpoint: written by ``musicfeat-train``.
        path: the ONNX file to write. Nothing is written unless every check passes.
        scores: measured figures for the card.

    Returns:
        The greatest difference of each output between torch and ONNX Runtime.

    Raises:
        ModelError: the checkpoint is unusable, the graph breaks the contract, or parity fails.
    """
    model, loaded = load_model(checkpoint)
    proto = to_onnx(model)
    card = replace(card_of(model, loaded), weights_sha256=weights_digest(proto), scores=scores or {})
    onnx.helper.set_model_props(proto, card.to_metadata())
    check_graph(proto)
    temporary = path.with_suffix(".tmp")
    try:
        onnx.save(proto, temporary)
        differences = check_parity(model, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sidecar = {**asdict(card), "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n")
    return differences


def to_onnx(model: SequenceModel) -> onnx.ModelProto:
    """Trace the model over a dynamic batch of full windows."""
    example = torch.zeros(2, model.window_samples)
    program = torch.onnx.export(
        model.eval(),
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=["waveform"],
        output_names=list(Outputs._fields),
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


def card_of(model: SequenceModel, checkpoint: Checkpoint) -> ModelCard:
    """What the checkpoint itself knows for the card."""
    recipe, spec = checkpoint.recipe, model.frontend.spec
    return ModelCard(
        name=recipe.name,
        version=recipe.version,
        sample_rate=spec.sample_rate,
        window=model.window_samples,
        hop=model.window_samples,
        outputs=Outputs._fields,
        pieces=PIECES,
        piece_distance=model.distance_samples,
        frame_hop=float(model.trunk.time_step * spec.hop),
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
