"""Odd one out: find the stretch of a clip with its pieces in the wrong order (Fernando et al., 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.features import shape_of
from musicfeat_trainer.objectives.jigsaw import drawn_orders
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views
from musicfeat_trainer.objectives.pieces import PiecesConfig


class OddOneOutConfig(ObjectiveConfig):
    """Search for a stretch out of order. O3N 2017, future work of NYU 2019: encoders of pictures of any length."""

    name: Literal["odd_one_out"] = "odd_one_out"
    stretches: int = Field(6, ge=2)
    """Number of stretches of a clip, one of them out of order; Fernando et al. found six best."""
    pieces: int = Field(3, ge=2, le=6)
    """Number of pieces of a stretch, shuffled in the odd one."""
    edge: int = Field(5, ge=0)
    """Frames cut from both ends of every piece of every stretch, so that joins give nothing away."""

    def build(self, setting: Setting) -> Objective:
        if setting.pieces:
            raise InputError("odd_one_out cuts clips itself: leave the table [method.pieces] out")
        return OddOneOut(setting.encoder, self)

    def chance(self, batch: int) -> Mapping[str, float]:  # noqa: ARG002
        return {"odd_one_out": 1 / self.stretches}


class OddOneOut(Objective):
    """One encoder for all stretches, and a linear layer over the sum of differences of all pairs of them.

    Fernando, Bilen, Gavves and Gould, "Self-supervised video representation learning with odd-one-out networks" (2017),
    section 4.2, fuse streams in this way: each stretch gives its differences from all others to one layer.
    """

    views = 1

    def __init__(self, encoder: Encoder, config: OddOneOutConfig) -> None:
        super().__init__(encoder)
        self.config = config
        self.pieces = PiecesConfig(count=config.pieces, edge=config.edge, along="time")
        self.head = nn.Linear(encoder.dimension * config.stretches, config.stretches)

    def losses(self, views: Views) -> dict[str, Tensor]:
        logits, odd = self._answers(views.features[0])
        return {"odd_one_out": nn.functional.cross_entropy(logits, odd)}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose odd stretch is found."""
        logits, odd = self._answers(views.features[0])
        return {"odd_one_out": float((logits.argmax(1) == odd).float().mean())}

    def _answers(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of each stretch being the odd one, [batch, stretches], and the number of the odd one, [batch]."""
        stretches, odd = self.drawn(features)
        vectors = self.encode(stretches.flatten(0, 1)).unflatten(0, stretches.shape[:2])
        differences = vectors * self.config.stretches - vectors.sum(1, keepdim=True)
        return self.head(differences.flatten(1)), odd

    def drawn(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Stretches of clips with one out of order, [batch, stretches, 1, frames, bands], and its number, [batch].

        Raises:
            InputError: features are raw samples or of several channels, or stretches are too short for their pieces.
        """
        shape, count = shape_of(features), self.config.stretches
        if shape.is_waveform:
            raise InputError("odd_one_out cuts pictures: choose a frontend such as cqt")
        length = shape.frames // count
        cut = features[:, :, : count * length].unflatten(2, (count, length)).movedim(2, 1)
        arranged = self.pieces.arranged(cut.flatten(0, 1))
        odd = torch.randint(count, (len(features),))
        orders, _ = drawn_orders(len(features), self.config.pieces, 0.0)
        straight = torch.arange(self.config.pieces).expand(len(features), count, -1)
        every = torch.where((torch.arange(count) == odd[:, None])[..., None], orders[:, None], straight)
        found = self.pieces.reordered(arranged, every.flatten(0, 1))
        return found.unflatten(0, (len(features), count)), odd.to(features.device)
