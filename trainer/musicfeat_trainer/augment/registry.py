"""Augmentations by the name that a recipe calls them: of raw samples, and of pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.augment.picture import FlipTime
from musicfeat_trainer.augment.waveform import Polarity

WaveformAugmentation = Annotated[Polarity, Field()]
PictureAugmentation = Annotated[FlipTime, Field()]
