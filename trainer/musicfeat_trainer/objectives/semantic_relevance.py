"""Semantic relevance: a clip's neighbour is told from random clips by cosine (Gururani, Lerch and Bretan, 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, agreement


class SemanticRelevanceConfig(ObjectiveConfig):
    """A clip's neighbour is told from three random ones. Gururani 2019: 3 s of log-mel, piano roll or one each."""

    name: Literal["semantic_relevance"] = "semantic_relevance"
    width: int = Field(128, gt=0)
    """Width of the embedding."""
    candidates: int = Field(4, ge=2)
    """Number of candidates, the neighbour among them: |D| in the paper."""
    standardised: bool = False
    """True if batch normalisation without weights follows the embedding, as in the rows of mixed pairs."""

    def build(self, setting: Setting) -> Objective:
        return SemanticRelevance(setting, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"agreement": 1 / batch, "neighbour": math.exp(-math.lgamma(batch + 1) / batch)}


class SemanticRelevance(Objective):
    """A siamese network with a linear layer to the embedding; views are neighbours, ``clips.relation = "next"``.

    With a second frontend and encoder the two halves share no weights: log-mel first and piano roll second is the
    paper's MEL_SYM, the reverse SYM_MEL. Downstream tasks read the embedding of the first half.

    Features behind a rectifier share a large mean, so that all cosines of a half begin near one number. Halves that
    share weights rank neighbours by the remainder, trained or not; separate halves begin at chance and learn slowly.
    ``standardised`` subtracts the mean before cosines are taken, which the paper does not mention. On made-up
    pairs of 16 hidden causes, 400 steps of 32, it raised the share of neighbours found among 256 from 79 to 86 %.
    """

    two_encoders = True

    def __init__(self, setting: Setting, config: SemanticRelevanceConfig) -> None:
        super().__init__(setting.encoder)
        self.second, self.candidates = setting.second, config.candidates
        self.linear = embedding_layers(setting.encoder.dimension, config)
        self.second_linear = embedding_layers(setting.second.dimension, config) if setting.second else None

    def losses(self, views: Views) -> dict[str, Tensor]:
        first, second = self._embeddings(views)
        return {"relevance": relevance_loss(first, second, drawn_others(len(first), self.candidates - 1))}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose neighbour is the nearest of the batch, and 1 over its geometric mean rank there."""
        first, second = self._embeddings(views)
        similarity = cosines(first, second)
        ranks = (similarity >= similarity.diagonal()[:, None]).sum(1)
        return {"agreement": agreement(first, second), "neighbour": (-ranks.log().mean()).exp().item()}

    def embed(self, features: Tensor) -> Tensor:
        return self.linear(self.encode(features))

    def _embeddings(self, views: Views) -> tuple[Tensor, Tensor]:
        first, second = views.features
        linear = self.second_linear or self.linear
        return self.embed(first), linear(self.encode(second, self.second))


def embedding_layers(dimension: int, config: SemanticRelevanceConfig) -> nn.Sequential:
    """Linear map to the embedding, followed by batch normalisation if ``standardised``."""
    normalisation = [nn.BatchNorm1d(config.width, affine=False)] if config.standardised else []
    return nn.Sequential(nn.Linear(dimension, config.width), *normalisation)


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """Cosines of all rows with all rows, [n, width] both -> [n, n]."""
    return nn.functional.normalize(first, dim=1) @ nn.functional.normalize(second, dim=1).T


def drawn_others(batch: int, count: int) -> Tensor:
    """Rows of ``count`` different other clips for each clip of a batch, [batch, count] int64, by the global generator.

    Raises:
        InputError: the batch has no more than ``count`` clips.
    """
    if batch <= count:
        raise InputError(f"{count} others are drawn for each clip of a batch of {batch}: a larger batch is needed")
    return torch.rand(batch, batch).fill_diagonal_(-1).topk(count, dim=1).indices


def relevance_loss(first: Tensor, second: Tensor, others: Tensor) -> Tensor:
    """Negative log-probability of the neighbour among itself and others, by plain cosine (equation 1).

    The paper sums over pairs; this is the mean, so that learning rates do not depend on the batch.

    Args:
        first: [n, width].
        second: [n, width], row i the neighbour of row i of ``first``.
        others: [n, count], the rows of ``second`` that each neighbour is told from.
    """
    similarity = cosines(first, second)
    chosen = torch.cat([similarity.diagonal()[:, None], similarity.gather(1, others.to(similarity.device))], dim=1)
    return -chosen.log_softmax(dim=1)[:, 0].mean()
