"""Augmentations by the name that a recipe calls them: of raw samples, and of pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.augment.filters import HighLowPass
from musicfeat_trainer.augment.grid_distortion import GridDistortion
from musicfeat_trainer.augment.mixup import Mixup
from musicfeat_trainer.augment.picture import CutMix, CutOut, FlipBands, FlipTime, Mask
from musicfeat_trainer.augment.pitch import PitchShift, TimeStretch
from musicfeat_trainer.augment.reverb import Reverb
from musicfeat_trainer.augment.spec_augment import SpecAugment
from musicfeat_trainer.augment.waveform import CropPad, Delay, FlipSamples, Gain, Noise, Polarity

WaveformAugmentation = Annotated[
    Polarity | Noise | Gain | HighLowPass | Delay | PitchShift | Reverb | Mixup | TimeStretch | FlipSamples | CropPad,
    Field(discriminator="name"),
]
PictureAugmentation = Annotated[
    FlipTime | FlipBands | CutMix | Mixup | Mask | CutOut | GridDistortion | SpecAugment, Field(discriminator="name")
]
