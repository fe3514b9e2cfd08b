"""Options for the model that a worker opens, and the facts that a catalog needs of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from musicfeat.errors import ModelError
from musicfeat.extractor import Extractor
from musicfeat.heads import Head
from musicfeat.model.card import CURVES, ModelCard

STORED = ("reversal", "jigsaw", "tags", *CURVES)
"""Outputs that a catalog can hold besides the embedding; of curves it holds what they find."""


@dataclass(frozen=True)
class ModelOptions:
    """Options with which a worker opens its model; small and picklable, unlike a model."""

    model: str | os.PathLike[str] | None = None
    device: str = "cpu"
    hop: float | None = None
    outputs: tuple[str, ...] | None = None
    """Names from ``STORED``; None is all that the model has."""

    heads: tuple[Head, ...] = ()

    def open(self, threads: int = 1) -> Extractor:
        """The model, cut down to the outputs that are stored."""
        if self.outputs is not None:
            return self._opened(threads, self.outputs)
        try:
            return self._opened(threads, STORED)
        except ModelError:  # it lacks some outputs that can be stored
            card = Extractor(self.model, self.device, threads, self.hop).card
        return self._opened(threads, tuple(name for name in STORED if name in card.outputs))

    def _opened(self, threads: int, outputs: tuple[str, ...]) -> Extractor:
        return Extractor(self.model, self.device, threads, self.hop, outputs=outputs, heads=self.heads)


class Description(NamedTuple):
    """Facts of the model that the catalog needs."""

    card: ModelCard
    dimension: int
    """Number of values in an embedding."""
    hop: float
    """Seconds from one window to the next."""
    outputs: tuple[str, ...]
    """"embedding" and some of ``STORED``."""
