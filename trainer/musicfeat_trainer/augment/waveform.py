"""Augmentations of raw samples, [batch, samples] float32, that need only arithmetic and moves in time.

CLMR is "Contrastive Learning of Musical Representations" (Spijkervet and Burgoyne, 2021, arXiv 2103.09410); the
probabilities and ranges are those of the authors' code, torchaudio-augmentations.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import Range, per_clip, uniform


class Polarity(Augmentation):
    """The waveform upside down. CLMR: probability 0.8."""

    name: Literal["polarity"] = "polarity"
    probability: float = Field(0.8, ge=0, le=1)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return -clips


class Noise(Augmentation):
    """White noise, 40 to 80 dB below the clip. CLMR: probability 0.01."""

    name: Literal["noise"] = "noise"
    probability: float = Field(0.01, ge=0, le=1)
    ratio: Range = (0.0001, 0.01)
    """Ratio of the noise's standard deviation to the clip's, drawn uniformly."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        ratio = per_clip(uniform(self.ratio, len(clips), generator), clips)
        noise = torch.randn(clips.shape, generator=generator).to(clips)
        return clips + ratio * clips.std(dim=1, keepdim=True, correction=0) * noise


class Gain(Augmentation):
    """Volume lower by 1 to 20 dB. CLMR: probability 0.3."""

    name: Literal["gain"] = "gain"
    probability: float = Field(0.3, ge=0, le=1)
    decibels: Range = (-20.0, -1.0)
    """Gain in decibels, drawn uniformly."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return clips * per_clip(10 ** (uniform(self.decibels, len(clips), generator) / 20), clips)


class Delay(Augmentation):
    """One echo at half the volume after 200 to 500 ms. CLMR: probability 0.3.

    The sum of clip and echo is halved, as in the authors' code. The paper's steps of 50 ms include 500 ms, which the
    code leaves out.
    """

    name: Literal["delay"] = "delay"
    probability: float = Field(0.3, ge=0, le=1)
    sample_rate: int = Field(22050, gt=0)
    milliseconds: tuple[int, ...] = Field((200, 250, 300, 350, 400, 450, 500), min_length=1)
    """Delays to choose from, all equally likely."""
    volume: float = Field(0.5, ge=0)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        choice = torch.randint(len(self.milliseconds), (len(clips),), generator=generator)
        offset = torch.tensor(self.milliseconds)[choice] * self.sample_rate // 1000
        return (clips + self.volume * moved(clips, offset)) / 2


class FlipSamples(Augmentation):
    """The waveform from its end to its beginning.

    This is the random flipping of the contrastive classifiers of Berkeley (2022), which follow ESResNet (Guzhov et al.,
    2020), whose code flips time; the probability is left open, one half is our choice.
    """

    name: Literal["flip_samples"] = "flip_samples"
    probability: float = Field(0.5, ge=0, le=1)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return clips.flip(1)


class CropPad(Augmentation):
    """Silence before or after, and as much cut off the other end.

    This is the random padding and cropping of the contrastive classifiers of Berkeley (2022), which leave the amount
    open: padding a clip at both ends and cropping it at random to its length moves it in time.
    """

    name: Literal["crop_pad"] = "crop_pad"
    share: float = Field(0.2, ge=0, lt=1)
    """Greatest move of a clip either way, as a share of its length; drawn uniformly."""

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        offset = uniform((-self.share, self.share), len(clips), generator) * clips.shape[1]
        return moved(clips, offset.round().long())


def moved(clips: Tensor, offsets: Tensor) -> Tensor:
    """Clips [n, samples], each moved by its own offset in samples, [n] int64, later if positive; zeros fill up."""
    samples = clips.shape[1]
    source = torch.arange(samples, device=clips.device) - offsets.to(clips.device)[:, None]
    there = (source >= 0) & (source < samples)
    return clips.gather(1, source.clamp(0, samples - 1)) * there
