"""Inpainting: restore the sound in a gap (future work of Addepalli et al., 2019, after Pathak et al., 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from musicfeat.errors import InputError
from musicfeat_trainer.encoders.encoder import Encoder
from musicfeat_trainer.objectives.objective import Objective, ObjectiveConfig, Setting, Views, sequence_of


class InpaintingConfig(ObjectiveConfig):
    """Sound restored in a gap, after the context encoders of 2016; for raw samples and an encoder that keeps time."""

    name: Literal["inpainting"] = "inpainting"
    gap: float = Field(0.25, gt=0, lt=1)
    """Share of a clip that is silenced, in one stretch; Pathak et al. take a quarter of a picture."""
    hidden: int = Field(256, gt=0)
    """Units of the decoder in each direction of time."""
    error: Literal["squared", "absolute"] = "squared"
    """Error of the restored samples; Pathak et al. found no difference and use the squared one."""

    def build(self, setting: Setting) -> Objective:
        sequence_of(setting.encoder)
        step = getattr(setting.encoder, "step", None)
        if not isinstance(step, int):
            raise InputError("inpainting needs an encoder with a vector every so many samples, such as strided_conv")
        return Inpainting(setting.encoder, step, self)

    def chance(self, batch: int) -> Mapping[str, float]:  # noqa: ARG002
        return {"inpainting": 0.0}


class Inpainting(Objective):
    """Decoder recurrent in both directions, as a gap is wider than a step's view, and a linear layer to samples.

    Neither paper has a decoder for sound; this is the simplest that can carry the music around a gap into it. There is
    no adversarial loss: Pathak et al. add one for sharp pictures but learn their features without it.
    """

    views = 1

    def __init__(self, encoder: Encoder, step: int, config: InpaintingConfig) -> None:
        super().__init__(encoder)
        self.config = config
        self.recurrent = nn.GRU(encoder.dimension, config.hidden, batch_first=True, bidirectional=True)
        self.samples = nn.Linear(2 * config.hidden, step)

    def losses(self, views: Views) -> dict[str, Tensor]:
        filled, truth, gaps = self._filled(views.features[0])
        difference = (filled - truth)[gaps]
        error = difference.abs() if self.config.error == "absolute" else difference.square()
        return {"inpainting": error.mean()}

    def figures(self, views: Views) -> dict[str, float]:
        """Share of the gaps' energy that is explained, in [0, 1]; silence in the gaps scores 0."""
        filled, truth, gaps = self._filled(views.features[0])
        error, energy = (x[gaps].square().sum().clamp(min=1e-9) for x in (filled - truth, truth))
        return {"inpainting": (1 - error / energy).clamp(0, 1).item()}

    def _filled(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decoded clips, the original clips, and a mask that is True in gaps, each [batch, samples]."""
        gaps = drawn_gaps(len(waveform), waveform.shape[1], self.config.gap).to(waveform.device)
        steps = self.encode(waveform.masked_fill(gaps, 0.0), sequence_of(self.encoder))
        filled = self.samples(self.recurrent(steps)[0]).flatten(1)
        length = min(filled.shape[1], waveform.shape[1])
        return filled[:, :length], waveform[:, :length], gaps[:, :length]


def drawn_gaps(batch: int, samples: int, share: float) -> Tensor:
    """Mask with one gap in each clip, placed by the global generator: True inside, [batch, samples]."""
    length = max(1, round(share * samples))
    starts = torch.randint(samples - length + 1, (batch, 1))
    moments = torch.arange(samples)
    return (moments >= starts) & (moments < starts + length)
