"""SimSiam: two views predict each other, and a stopped gradient keeps them from collapsing (Chen and He, 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.heads import perceptron
from musicfeat_trainer.objectives.objective import (
    Objective,
    ObjectiveConfig,
    Setting,
    Views,
    likeness_chance,
    likeness_figures,
)


class SimSiamConfig(ObjectiveConfig):
    """Two views predict each other without negatives. Siamusic 2022: ResNet-50 to -152, pictures augmented."""

    name: Literal["simsiam"] = "simsiam"
    width: int = Field(2048, gt=0)
    """Width of the projector's three layers; Siamusic gives no widths, so they are SimSiam's."""
    bottleneck: int = Field(512, gt=0)
    """Width of the predictor's hidden layer."""
    reads: Literal["encoder", "projector"] = "encoder"
    """Vector that downstream tasks read: the encoder's as in SimSiam, or the projector's as in Siamusic's code."""

    def build(self, setting: Setting) -> Objective:
        return SimSiam(setting.encoder, self.width, self.bottleneck, self.reads)

    def chance(self, batch: int) -> Mapping[str, float]:
        return likeness_chance(batch)


class SimSiam(Objective):
    """A projector of three layers, each with batch normalisation, and a predictor of two, as in section 3 of the paper.

    The last normalisation has no weights, as in the authors' code, whose hidden layers are as wide as the encoder's
    vector; for a ResNet-50 that is the paper's 2048.
    """

    watched = ("agreement",)  # the others only detect a collapse

    def __init__(
        self, encoder: Encoder, width: int, bottleneck: int, reads: Literal["encoder", "projector"] = "encoder"
    ) -> None:
        super().__init__(encoder)
        self.reads = reads
        layers = perceptron(encoder.dimension, width, width, width)
        self.projector = nn.Sequential(layers, nn.BatchNorm1d(width, affine=False))
        self.predictor = perceptron(width, bottleneck, width)

    def losses(self, views: Views) -> dict[str, Tensor]:
        first, second = self._projections(views)
        return {"similarity": simsiam_loss(first, second, self.predictor(first), self.predictor(second))}

    def figures(self, views: Views) -> dict[str, float]:
        first, second = self._projections(views)
        return likeness_figures(first, second)

    def embed(self, features: Tensor) -> Tensor:
        found = self.encode(features)
        return self.projector(found) if self.reads == "projector" else found

    def _projections(self, views: Views) -> tuple[Tensor, Tensor]:
        first, second = (self.projector(self.encode(x)) for x in views.features)
        return first, second


def simsiam_loss(first: Tensor, second: Tensor, from_first: Tensor, from_second: Tensor) -> Tensor:
    """Negative cosine between the prediction from one view and the other view, both ways (Siamusic, equation 2).

    Args:
        first: [n, width], the projections of the first views; no gradient flows into them from here.
        second: [n, width], the projections of the second views, likewise.
        from_first: [n, width], the predictor's output for ``first``.
        from_second: [n, width], its output for ``second``.

    Returns:
        The mean over the batch, in [-1, 1].
    """
    cosine = nn.functional.cosine_similarity
    return -(cosine(from_first, second.detach()) + cosine(from_second, first.detach())).mean() / 2
