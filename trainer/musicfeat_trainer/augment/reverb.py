"""Reverberation as sox makes it, in closed form."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from musicfeat_trainer.augment.augmentation import Augmentation
from musicfeat_trainer.augment.draws import Range, uniform
from musicfeat_trainer.augment.fourier import fast_length

COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
ALLPASSES = (225, 341, 441, 556)
RATE = 44100
"""Sampling rate in Hz that these delays, in samples, are meant for."""
WET = 0.015
FOLD = 1e-3
"""Gain of a tail that reaches beyond the transform's end and returns at its beginning: -60 dB."""


class Room(NamedTuple):
    """Coefficients of the rooms of clips, [n] each."""

    feedback: Tensor
    """Feedback of the combs, 0.3 to 0.98."""
    damping: Tensor
    """Coefficient of the low-pass within each comb, 0.2 to 0.5."""
    scale: Tensor
    """Factor of the combs' lengths, 0.1 to 1."""


class Reverb(Augmentation):
    """Reverberation of a random room. CLMR: probability 0.6.

    Spijkervet and Burgoyne (arXiv 2103.09410) draw the three settings of sox's ``reverb`` uniformly from 0 to 100.
    That effect is Freeverb: eight combs in parallel, each with a low-pass in its loop, then four all-passes in a row
    (Schroeder, 1962; Moorer, 1979). Here its frequency response is evaluated and multiplied, in place of a loop over
    samples. One difference: sox makes two channels of a mono clip, which the authors average; here only the first is.
    """

    name: Literal["reverb"] = "reverb"
    probability: float = Field(0.6, ge=0, le=1)
    sample_rate: int = Field(22050, gt=0)
    reverberance: Range = (0.0, 100.0)
    damping: Range = (0.0, 100.0)
    room_size: Range = (0.0, 100.0)

    def change(self, clips: Tensor, batch: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        ranges = self.reverberance, self.damping, self.room_size
        room = sox_room(*(uniform(bounds, len(clips), generator).to(clips) for bounds in ranges))
        return clips + WET * wet(clips, room, self.sample_rate)


def sox_room(reverberance: Tensor, damping: Tensor, room_size: Tensor) -> Room:
    """Coefficients for sox's three percentages; 1 - feedback falls exponentially from 0.7 to 0.02."""
    feedback = 1 - 0.7 * (0.02 / 0.7) ** (reverberance / 100)
    return Room(feedback, 0.2 + 0.3 * damping / 100, 0.1 + 0.9 * room_size / 100)


def wet(clips: Tensor, room: Room, sample_rate: int) -> Tensor:
    """Reverberation alone, [n, samples].

    Transforms wrap around, and tails may be longer than a clip. So the z-transform is taken on a circle outside the
    unit circle: samples are weighted by a falling exponential before and by its inverse afterwards, so that wrapped
    tails come back at -60 dB.
    """
    length = fast_length(clips.shape[1])
    time = torch.arange(clips.shape[1], device=clips.device)
    fall = FOLD ** (time / length)
    delays = Delays(length, clips.device)
    spectrum = torch.fft.rfft(clips * fall, length) * response(delays, room, sample_rate)
    return torch.fft.irfft(spectrum, length)[:, : clips.shape[1]] / fall


class Delays:
    """Powers of z to minus a delay, at the bins of a real transform of a given number of samples."""

    def __init__(self, length: int, device: torch.device) -> None:
        angle = torch.arange(length, device=device, dtype=torch.float64) * (-2 * math.pi / length)
        self.length, self.table = length, torch.polar(torch.ones_like(angle), angle).to(torch.complex64)
        self.bins = torch.arange(length // 2 + 1, device=device)

    def __call__(self, samples: Tensor) -> Tensor:
        """Powers for delays [n], cut to whole samples, [n, bins] complex."""
        whole = samples.long()
        turned = self.table[(self.bins * whole[:, None]) % self.length]
        return turned * FOLD ** (whole / self.length)[:, None]


def response(delays: Delays, room: Room, sample_rate: int) -> Tensor:
    """Frequency response of all combs and all-passes, [n, bins] complex."""
    ratio, damping, scale = sample_rate / RATE, room.damping[:, None], room.scale
    loop = room.feedback[:, None] * (1 - damping) / (1 - damping * delays(torch.ones_like(scale[:1])))
    combs = torch.zeros_like(loop)
    for length in COMBS:
        delayed = delays(scale * ratio * length + 0.5)
        combs += delayed / (1 - loop * delayed)
    allpasses = torch.ones_like(loop[:1])
    for length in ALLPASSES:
        delayed = delays(torch.full_like(scale[:1], ratio * length + 0.5))
        allpasses *= (1.5 * delayed - 1) / (1 - 0.5 * delayed)
    return combs * allpasses
