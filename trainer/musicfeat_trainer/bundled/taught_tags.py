"""Tags of genre, mood and voice: what published taggers would say, read from the trunk's knowledge of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.data.teachers import TeacherCard, targets_of
from musicfeat_trainer.objectives.distillation import Distillation
from musicfeat_trainer.recipe.bundled import Recipe

TOP = 1.645
"""Deviations above the mean that 5 per cent of a normal distribution exceed."""
SLOPE = 2.6
"""Logit of P(there) for each deviation that a predicted answer lies above that place.

It is 1.7 / sqrt(1 - r * r), 1.7 turning a normal distribution into a logistic one, for answers that correlate with
their prediction by r = 0.76, which music-small reaches on music it never heard.
"""


class TaughtTag(NamedTuple):
    """A tag that comes from teachers."""

    kind: str
    label: str
    answers: tuple[int, ...]
    """Indices of the answers that mean it, among those of all teachers."""


def taught_tags(recipe: Recipe) -> list[TaughtTag]:
    """Tags of a recipe's section ``[taught]``; empty without it.

    Raises:
        InputError: an answer is none of the teachers', or the teachers' files are missing.
    """
    if not recipe.taught:
        return []
    places = _places([said.card for said in targets_of(recipe.teachers)])
    tags = []
    for kind, labels in recipe.taught.items():
        for label, answers in labels.items():
            if unknown := [answer for answer in answers if answer not in places] or (not answers and ["nothing"]):
                raise InputError(
                    f"[taught.{kind}] {label}: {', '.join(unknown)} is no answer of a teacher in the recipe; write "
                    "TEACHER/LABEL with the names on the teachers' cards"
                )
            tags.append(TaughtTag(kind, label, tuple(places[answer] for answer in answers)))
    return tags


def _places(cards: Sequence[TeacherCard]) -> dict[str, int]:
    """Answer, as ``TEACHER/LABEL`` -> its index among all answers of the teachers, embeddings counted too."""
    places: dict[str, int] = {}
    start = 0
    for card in cards:
        places |= {f"{card.name}/{label}": start + i for i, label in enumerate(card.labels)}
        start += card.width
    return places


class TaughtTags(nn.Module):
    """Linear layer from knowledge to the logits of tags: would teachers count the label as there?

    A label is there where the teachers' logit, the mean over the answers that mean it, is among the highest 5 per cent
    of the training music. Teachers' own probabilities differ by label in what is much: 0.1 for a voice, 0.5 for rock.

    Args:
        distillation: trained layers, whose predictions of the answers are averaged.
        answers: for each tag the indices of its answers.
    """

    def __init__(self, distillation: Distillation, answers: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.width, self.answers = distillation.width, answers
        self.logits = nn.Linear(distillation.width, len(answers))
        share = torch.zeros(len(answers), sum(distillation.sizes))
        for row, indices in zip(share, answers, strict=True):
            row[list(indices)] = 1 / len(indices)
        deviation = share @ distillation.deviation
        with torch.no_grad():
            weight = share @ (distillation.deviation[:, None] * distillation.said.weight)
            bias = share @ (distillation.deviation * distillation.said.bias)
            self.logits.weight.copy_(SLOPE * weight / deviation[:, None])
            self.logits.bias.copy_(SLOPE * (bias / deviation - TOP))

    def forward(self, embedding: Tensor) -> Tensor:
        """Probabilities [batch, tags], from embeddings whose last numbers are the knowledge."""
        return torch.sigmoid(self.logits(embedding[:, -self.width :]))

    @torch.no_grad()
    def write_back(self, distillation: Distillation) -> None:
        """Set the layer that predicts answers to weights of which these very tags are made."""
        distillation.deviation.fill_(1)
        for answers, weight, bias in zip(self.answers, self.logits.weight, self.logits.bias, strict=True):
            distillation.said.weight[list(answers)] = weight / SLOPE
            distillation.said.bias[list(answers)] = bias / SLOPE + TOP
