"""Heads: tags taught by a user, as one linear layer over the embedding; see ``musicfeat.catalog.teach``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from musicfeat.errors import InputError, ModelError
from musicfeat.files import writing
from musicfeat.model.card import ModelCard

FORMAT = 1
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Head:
    """Probabilities of n exclusive labels: a softmax of ``embedding @ matrix + bias``."""

    name: str
    """Name, also of its column in catalogs: lower-case letters, digits and underscores."""
    labels: tuple[str, ...]
    matrix: npt.NDArray[np.float64]
    """[D, n] weights of the layer."""
    bias: npt.NDArray[np.float64]
    """[n] bias of the layer."""
    model: str
    version: str
    weights_sha256: str
    """Digest of the weights of the model whose embeddings it reads."""
    examples: dict[str, int] = field(default_factory=dict)
    """Number of examples that it was taught with, by label."""
    told: str = ""
    """Its accuracy on tracks that it was not taught with, in words."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise InputError(f"a head's name is small letters, digits and _, a letter first, got {self.name!r}")
        n = len(self.labels)
        if n < 2 or len(set(self.labels)) < n or self.matrix.ndim != 2 or self.matrix.shape[1:] != (n,):
            raise InputError(f"the head {self.name} needs labels, each once, and a column of its matrix for each")
        if self.bias.shape != (n,) or not (np.isfinite(self.matrix).all() and np.isfinite(self.bias).all()):
            raise InputError(f"the head {self.name} needs finite values, and a bias for each label")

    def __call__(self, embeddings: npt.ArrayLike) -> Floats:
        """[rows, D] embeddings -> [rows, n] probabilities; rows of zeros, which are silence, give zeros."""
        rows = np.asarray(embeddings, np.float64)
        scores = rows @ self.matrix + self.bias
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found = powers / powers.sum(axis=-1, keepdims=True)
        return np.asarray(np.where(rows.any(axis=-1, keepdims=True), found, 0), np.float32)

    def check(self, weights_sha256: str, model: str) -> None:
        """Raise ModelError unless it was taught on embeddings of this model."""
        if self.weights_sha256 != weights_sha256:
            raise ModelError(
                f"the head {self.name} was taught with {self.model} {self.version} ({self.weights_sha256[:12]}), not "
                f"with {model} ({weights_sha256[:12]}), whose embeddings are others: teach it again"
            )

    def check_card(self, card: ModelCard) -> None:
        """Raise ModelError unless it was taught on embeddings of the model of a card."""
        self.check(card.weights_sha256, f"{card.name} {card.version}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the head as JSON, whole or not at all."""
        values = asdict(self) | {"format": FORMAT, "matrix": self.matrix.tolist(), "bias": self.bias.tolist()}
        with writing(Path(path)) as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")


def opened_heads(sources: Iterable[Head | str | os.PathLike[str]], card: ModelCard) -> tuple[Head, ...]:
    """Opened heads for a model.

    Raises:
        ModelError: a head is damaged or belongs to another model.
        InputError: two heads have the same name.
    """
    if isinstance(sources, (str, os.PathLike)):
        raise InputError(f"heads are a list, got the single {os.fspath(sources)!r}")
    heads = tuple(map(load_head, sources))
    for head in heads:
        head.check_card(card)
    if len({head.name for head in heads}) < len(heads):
        raise InputError(f"heads need names of their own, got {[head.name for head in heads]}")
    return heads


def load_head(source: Head | str | os.PathLike[str]) -> Head:
    """The head in a file.

    Raises:
        ModelError: the file is missing, damaged, or written by a newer version.
    """
    if isinstance(source, Head):
        return source
    try:
        values: dict[str, Any] = json.loads(Path(source).read_bytes())
        found = values.pop("format")
        if found != FORMAT:
            raise ModelError(f"{source} has format {found}, this musicfeat reads {FORMAT}: install a newer one")
        values |= {name: np.array(values[name], np.float64) for name in ("matrix", "bias")}
        return Head(**values | {"labels": tuple(map(str, values["labels"]))})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{source} is no head that `musicfeat teach` wrote: {error}") from error
