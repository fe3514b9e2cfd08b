"""The recipe of a run of one method: frontend, encoder, objective, and the clips and views that it learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from musicfeat_trainer.augment.registry import PictureAugmentation, WaveformAugmentation
from musicfeat_trainer.data.clips import ClipsConfig
from musicfeat_trainer.data.sets.registry import SetConfig
from musicfeat_trainer.encoders.registry import AnyEncoder
from musicfeat_trainer.frontends.registry import AnyFrontend
from musicfeat_trainer.objectives.pieces import PiecesConfig
from musicfeat_trainer.objectives.registry import AnyObjective
from musicfeat_trainer.optimisation import Optimisation
from musicfeat_trainer.recipe.recipe import AnyRecipe
from musicfeat_trainer.section import Section


class Branch(Section):
    """A frontend and an encoder for the second view only."""

    frontend: AnyFrontend
    encoder: AnyEncoder


class MethodConfig(Optimisation):
    """All settings of a method except its data: the section ``[method]`` with its tables."""

    clip_norm: float | None = Field(None, gt=0)
    """Greatest norm of gradients; None, as in all papers here: no clipping."""
    batch: int = Field(gt=0)
    validation_batches: int = Field(8, gt=0)
    """Batches of held-out clips in an evaluation, always the same."""
    clips: ClipsConfig
    frontend: AnyFrontend
    encoder: AnyEncoder
    objective: AnyObjective
    pieces: PiecesConfig | None = None
    second: Branch | None = None
    waveform_augment: tuple[WaveformAugmentation, ...] = ()
    """Augmentations of raw samples, applied in this order to each view by itself."""
    picture_augment: tuple[PictureAugmentation, ...] = ()
    """Augmentations of spectrograms."""
    augmented_views: Literal["all", "first"] = "all"
    """Views that are augmented; the first alone is CLMR's experiment 2."""

    @property
    def from_chance(self) -> MethodConfig:
        """The settings without pretrained weights of encoders, for controls and for weights to be restored."""
        if not getattr(self.encoder, "weights", None):
            return self
        return self.model_copy(update={"encoder": self.encoder.model_copy(update={"weights": None})})


class MethodData(Section):
    """Data that a method learns from."""

    set: SetConfig
    store: Path
    """Folder for decoded audio."""


class MethodRecipe(AnyRecipe):
    """Recipe of a run of one method of self-supervision on one data set."""

    about: str = ""
    """Row of a paper's table that the recipe repeats, and the figure there."""
    data: MethodData
    method: MethodConfig
