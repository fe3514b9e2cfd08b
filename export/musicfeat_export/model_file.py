"""Writing of a model file, complete or not at all, after card, digest and checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import onnx

from musicfeat.files import replacing
from musicfeat.model.card import ModelCard
from musicfeat_export.graph import check_graph, flush_denormals, weights_digest

Proof = TypeVar("Proof")


def write(proto: onnx.ModelProto, card: ModelCard, path: Path, prove: Callable[[Path], Proof]) -> Proof:
    """Write ``path`` and its sidecar ``path``.json, a card with the digests of weights and file.

    Args:
        proto: the graph; the card becomes its metadata.
        card: complete but for the digest of the weights.
        path: the file; an older one stays unchanged if anything fails.
        prove: called with the path of the finished file before it takes its place; an exception keeps the older file.

    Returns:
        The result of ``prove``.

    Raises:
        ModelError: the graph breaks the contract.
    """
    flush_denormals(proto.graph)
    card = replace(card, weights_sha256=weights_digest(proto))
    onnx.helper.set_model_props(proto, card.to_metadata())
    check_graph(proto)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path.with_suffix(".json")) as sidecar, replacing(path) as temporary:
        onnx.save(proto, temporary)
        proof = prove(temporary)
        facts = {**asdict(card), "file_sha256": hashlib.sha256(temporary.read_bytes()).hexdigest()}
        sidecar.write_text(json.dumps(facts, indent=1) + "\n")
    return proof
