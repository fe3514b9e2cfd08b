"""Momentum contrast, versions 1 and 2 (He et al., 2020, arXiv 1911.05722; Chen et al., 2020, arXiv 2003.04297)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat_trainer.distributed import gathered
from musicfeat_trainer.objectives.momentum import trail, trailing_copy
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, agreement


class MoCoConfig(ObjectiveConfig):
    """Search for a clip's other view in a queue. Berkeley 2022: ResNet-50 on three log-mels with SpecAugment.

    That thesis keeps the authors' settings, which are the defaults here.
    """

    name: Literal["moco"] = "moco"
    version: Literal[1, 2] = 2
    """Version: 1 has a linear head and temperature 0.07, 2 a head of one hidden layer and temperature 0.2."""
    temperature: float | None = Field(None, gt=0)
    """Divisor of the cosines; None: the version's."""
    queue: int = Field(65536, gt=0)
    """Number of keys of past steps to tell a clip from; clips of smaller sets occur in it several times."""
    momentum: float = Field(0.999, ge=0, le=1)
    """Momentum of the encoder that makes keys."""
    width: int = Field(128, gt=0)
    """Width of keys."""

    def build(self, setting: Setting) -> Objective:
        return MoCo(setting, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"agreement": 1 / batch}


class MoCo(Objective):
    """Contrast of queries from the first view with keys from the second, made by trailing copies of encoder and head.

    The papers shuffle clips between GPUs before the keys' batch normalisation, so that a clip and its key are never
    normalised among the same neighbours. Nothing is shuffled here, as one process has nothing to shuffle between: the
    statistics of a small batch may then help an encoder that normalises batches to guess which keys belong to it.
    """

    def __init__(self, setting: Setting, config: MoCoConfig) -> None:
        super().__init__(setting.encoder)
        self.momentum = config.momentum
        self.temperature = config.temperature or (0.07 if config.version == 1 else 0.2)
        self.head = head(setting.encoder.dimension, config.width, config.version)
        self.key_encoder, self.key_head = trailing_copy(self.encoder), trailing_copy(self.head)
        self.queue = Queue(config.queue, config.width)
        self._keys = torch.empty(0, config.width)

    def project(self, features: Tensor) -> Tensor:
        """Unit vectors [batch, width] of features."""
        return nn.functional.normalize(self.head(self.encode(features)), dim=1)

    @torch.no_grad()
    def keys(self, features: Tensor) -> Tensor:
        """Unit vectors [batch, width] of features, by the trailing copies."""
        return nn.functional.normalize(self.key_head(self.encode(features, self.key_encoder)), dim=1)

    def losses(self, views: Views) -> dict[str, Tensor]:
        queries, self._keys = self.project(views.features[0]), self.keys(views.features[1])
        return {"contrastive": info_nce(queries, self._keys, self.queue.keys, self.temperature)}

    def after_step(self) -> None:
        """Replace the oldest keys by those of the step, and move the copies."""
        self.queue.push(gathered(self._keys))
        trail(self.key_encoder, self.encoder, self.momentum)
        trail(self.key_head, self.head, self.momentum)

    def figures(self, views: Views) -> dict[str, float]:
        """Share of clips whose second view is the nearest of the batch, both views read by the trained encoder."""
        return {"agreement": agreement(*(self.project(x) for x in views.features))}


def head(dimension: int, width: int, version: int) -> nn.Module:
    """Head on an encoder's vector: a linear map, in version 2 after a hidden layer as wide as the vector."""
    hidden = [nn.Linear(dimension, dimension), nn.ReLU()] if version > 1 else []
    return nn.Sequential(*hidden, nn.Linear(dimension, width))


def info_nce(queries: Tensor, keys: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of each query's own key among that key and all others, equation 1 of the first paper.

    Args:
        queries: [n, width] unit vectors.
        keys: [n, width], row i the positive of row i of ``queries``.
        others: [queue, width], negatives of all queries.
        temperature: divisor of the cosines.
    """
    logits = torch.cat([(queries * keys).sum(1, keepdim=True), queries @ others.T], dim=1) / temperature
    return nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


class Queue(nn.Module):
    """The last ``size`` keys, [size, width], written in a ring; random unit vectors before there are any."""

    keys: Tensor
    position: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("keys", nn.functional.normalize(torch.randn(size, width), dim=1))
        self.register_buffer("position", torch.zeros((), dtype=torch.long))

    def push(self, keys: Tensor) -> None:
        """Overwrite the oldest keys; if more are given than fit, the last ones stay."""
        size = len(self.keys)
        places = (self.position + torch.arange(len(keys), device=self.keys.device)) % size
        self.keys[places[-size:]] = keys[-size:].to(self.keys)
        self.position += len(keys)
