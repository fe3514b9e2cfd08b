"""The description that every model file carries in its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from musicfeat.errors import InputError, ModelError

CONTRACT = "1"
"""Version of the model contract; a file of another version is refused."""
CURVES = ("cut", "backwards")
"""Outputs with a probability for each moment of a window: a cut is here, and this plays backwards."""
OUTPUTS = ("embedding", "frames", "reversal", "successor", "jigsaw", "tags", *CURVES)


@dataclass(frozen=True)
class ModelCard:
    """Description that a model file carries; the runtime reads these values and has no constants for them."""

    name: str
    version: str
    sample_rate: int
    """Sample rate of the input in Hz."""
    window: int
    """Length of the input in samples."""
    hop: int
    """Samples from one window to the next, unless the caller asks for another hop."""
    outputs: tuple[str, ...]
    """Names from ``OUTPUTS`` that the file has."""
    pieces: int
    """Number of equal pieces into which ``successor`` cuts a window."""
    piece_distance: int
    """Samples between the parts of neighbouring pieces that ``successor`` compares: the samples missing at
    a join plus those cut from both edges."""
    frame_hop: float = 0.0
    """Samples from one row of ``frames`` to the next."""
    labels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Kind of each label, such as "instrument", "genre" or "mood"; empty in files whose labels are all instruments."""
    licence: str = ""
    training_data: str = ""
    recipe: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    precision: str = "fp32"
    """Precision of the middle of the graph: fp32, fp16 or int8."""
    weights_sha256: str = ""
    """Digest of all weights in the file: names, shapes and bytes, sorted by name."""
    level_matters: bool = False
    """True if the answers depend on the level of the input, which is then left as it is, full scale being 1."""
    curves: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Name of each of ``CURVES`` that the file has -> seconds from one value to the next, and from the start of a
    window to the first value."""

    def chosen(self, outputs: Iterable[str] | None, where: str) -> tuple[str, ...]:
        """The outputs asked for (None: all), in the card's order; ModelError if the file lacks one."""
        names = set(self.outputs if outputs is None else outputs)
        if not names <= set(self.outputs):
            raise ModelError(f"{where} has the outputs {self.outputs}, asked for {tuple(sorted(names))}")
        return tuple(name for name in self.outputs if name in names)

    def columns_of(self, kind: str) -> dict[str, int]:
        """Label -> column in the output ``tags``, for the labels of one kind."""
        kinds = self.kinds or ("instrument",) * len(self.labels)
        return {label: i for i, (label, found) in enumerate(zip(self.labels, kinds, strict=True)) if found == kind}

    def to_metadata(self) -> dict[str, str]:
        """The card as string pairs of an ONNX file's metadata_props."""
        pairs = {key: json.dumps(value) for key, value in asdict(self).items()}
        return {"musicfeat_contract": CONTRACT, **pairs}


def card_from_metadata(metadata: Mapping[str, str], where: str) -> ModelCard:
    """Read a card from metadata_props; ``where`` names the file in errors.

    Raises:
        ModelError: the model is of another kind or another contract, or its card is damaged.
    """
    if "musicfeat_contract" not in metadata:
        raise ModelError(f"{where} is not a musicfeat model (no contract in its metadata): use musicfeat-export")
    if metadata["musicfeat_contract"] != CONTRACT:
        found = metadata["musicfeat_contract"]
        raise ModelError(f"{where} keeps contract {found}, this musicfeat reads {CONTRACT}: export the model anew")
    try:
        values: dict[str, Any] = {
            key: json.loads(metadata[key]) for key in ModelCard.__dataclass_fields__ if key in metadata
        }
        for key in ("outputs", "labels", "kinds"):
            values[key] = tuple(values.get(key, ()))
        values["curves"] = {name: (float(step), float(at)) for name, (step, at) in values.get("curves", {}).items()}
        card = ModelCard(**values)
        consistent = (
            card.sample_rate > 0 and 0 < card.hop <= card.window and card.pieces > 1 and "embedding" in card.outputs
        ) and len(card.kinds) in (0, len(card.labels))
        consistent &= set(card.curves) == set(CURVES) & set(card.outputs)
        consistent &= all(step > 0 for step, _ in card.curves.values())
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{where} holds a damaged model card: {error}") from error
    if not consistent:
        raise ModelError(f"{where}: its card is inconsistent: {card}")
    return card


def checked_outputs(outputs: Sequence[str] | None) -> tuple[str, ...] | None:
    """The outputs that a caller asks for, with the embedding; None is all.

    Raises:
        InputError: a name is none of ``OUTPUTS``.
    """
    if outputs is None:
        return None
    if isinstance(outputs, str) or not set(outputs) <= set(OUTPUTS):
        raise InputError(f"outputs must be names out of {OUTPUTS}, got {outputs!r}")
    return tuple({"embedding", *outputs})
