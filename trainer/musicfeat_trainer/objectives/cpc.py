"""Contrastive predictive coding: the context so far tells the next steps apart (van den Oord, Li and Vinyals, 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, sequence_of


class CPCConfig(ObjectiveConfig):
    """The context so far tells the next steps apart. CPC 2018 and CLMR's author: 20 480 raw samples."""

    name: Literal["cpc"] = "cpc"
    context: int = Field(256, gt=0)
    """Width of the recurrent network's state."""
    future: int = Field(12, gt=0)
    """Number of steps that are predicted, each by a linear map of its own."""

    def build(self, setting: Setting) -> Objective:
        sequence_of(setting.encoder)
        return CPC(setting.encoder, self)

    def chance(self, batch: int) -> Mapping[str, float]:
        return {"future": 1 / batch}


class CPC(Objective):
    """A gated recurrent network over the encoder's steps, and InfoNCE of the steps to come.

    Negatives are the same moment of the batch's other clips, batch - 1 for each prediction. The paper draws them from
    its batch of eight; the code of CLMR's author draws ten for each step from all clips and moments.
    """

    views = 1

    def __init__(self, encoder: Encoder, config: CPCConfig) -> None:
        super().__init__(encoder)
        self.config = config
        self.recurrent = nn.GRU(encoder.dimension, config.context, batch_first=True)
        self.predictor = nn.Linear(config.context, encoder.dimension * config.future, bias=False)

    def losses(self, views: Views) -> dict[str, Tensor]:
        terms = [nn.functional.cross_entropy(x.flatten(0, 1), told) for x, told in self._scored(views.features[0])]
        return {"contrastive": torch.stack(terms).mean()}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of future steps that are told from the same moment of the batch's other clips."""
        right = [(x.flatten(0, 1).argmax(1) == told).float().mean() for x, told in self._scored(views.features[0])]
        return {"future": float(torch.stack(right).mean())}

    def embed(self, features: Tensor) -> Tensor:
        """Mean context over time, [batch, context], which classifiers of clips read in CLMR's author's code."""
        return self._context(self._steps(features)).mean(1)

    def _steps(self, features: Tensor) -> Tensor:
        return self.encode(features, sequence_of(self.encoder))

    def _context(self, steps: Tensor) -> Tensor:
        return self.recurrent(steps)[0]

    def _scored(self, features: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Scores [moments, batch, batch] and the right column of each row, for each distance into the future."""
        steps = self._steps(features)
        if steps.shape[1] <= self.config.future:
            raise InputError(
                f"clips have {steps.shape[1]} steps, and {self.config.future} are to be predicted: longer clips, "
                "or a smaller objective.future"
            )
        predictions = self.predictor(self._context(steps)).chunk(self.config.future, dim=2)
        clips = torch.arange(len(steps), device=steps.device)
        scores = [future_scores(steps, x, distance) for distance, x in enumerate(predictions, start=1)]
        return [(x, clips.repeat(len(x))) for x in scores]


def future_scores(steps: Tensor, predictions: Tensor, distance: int) -> Tensor:
    """Scores of how well the prediction at each moment fits each clip ``distance`` steps later (equation 3).

    Args:
        steps: [batch, steps, D].
        predictions: [batch, steps, D], predicted for ``distance`` steps later.
        distance: at least 1.

    Returns:
        [steps - distance, batch, batch]; row i is the prediction of clip i, column j the step of clip j.
    """
    return torch.einsum("itd,jtd->tij", predictions[:, :-distance], steps[:, distance:])
