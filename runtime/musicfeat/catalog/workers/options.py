"""The model that a worker opens: how, and what a catalog must know of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from musicfeat.errors import ModelError
from musicfeat.extractor import Extractor
from musicfeat.heads import Head
from musicfeat.model.card import ModelCard

STORED = ("reversal", "jigsaw", "tags")
"""Outputs that a catalog can hold beside the embedding."""


@dataclass(frozen=True)
class ModelOptions:
    """How a worker opens its model; small and picklable, which a model is not."""

    model: str | os.PathLike[str] | None = None
    device: str = "cpu"
    hop: float | None = None
    outputs: tuple[str, ...] | None = None
    """Some of ``STORED``; None is all that the model has."""

    heads: tuple[Head, ...] = ()

    def open(self, threads: int = 1) -> Extractor:
        """The model, cut down to what is stored."""
        wanted = STORED if self.outputs is None else self.outputs
        try:
            return Extractor(self.model, self.device, threads, self.hop, outputs=wanted, heads=self.heads)
        except ModelError:
            if self.outputs is not None:
                raise
        whole = Extractor(self.model, self.device, threads, self.hop)  # it has not all that can be stored
        wanted = tuple(name for name in STORED if name in whole.card.outputs)
        return Extractor(self.model, self.device, threads, self.hop, outputs=wanted, heads=self.heads)


class Description(NamedTuple):
    """What the catalog must know of the model."""

    card: ModelCard
    dimension: int
    """Numbers of an embedding."""
    hop: float
    """Seconds."""
    outputs: tuple[str, ...]
    """"embedding" and some of ``STORED``."""
