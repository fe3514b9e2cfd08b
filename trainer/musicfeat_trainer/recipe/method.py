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
    """A frontend and an encoder for the second view alone."""

    frontend: AnyFrontend
    encoder: AnyEncoder


class MethodConfig(Optimisation):
    """Everything that makes a method but its data; all in one section ``[method]`` with tables of its own."""

    clip_norm: float | None = Field(None, gt=0)
    """No paper here clips gradients."""
    batch: int = Field(gt=0)
    validation_batches: int = Field(8, gt=0)
    """Of held-out clips, always the same, that an evaluation looks at."""
    clips: ClipsConfig
    frontend: AnyFrontend
    encoder: AnyEncoder
    objective: AnyObjective
    pieces: PiecesConfig | None = None
    second: Branch | None = None
    waveform_augment: tuple[WaveformAugmentation, ...] = ()
    """Applied to raw samples, in this order, to each view by itself."""
    picture_augment: tuple[PictureAugmentation, ...] = ()
    """Applied to spectrograms."""
    augmented_views: Literal["all", "first"] = "all"
    """Which views are augmented; one alone is CLMR's experiment 2."""

    @property
    def from_chance(self) -> MethodConfig:
        """The same without weights that an encoder would start from: for controls, and for weights to be restored."""
        if not getattr(self.encoder, "weights", None):
            return self
        return self.model_copy(update={"encoder": self.encoder.model_copy(update={"weights": None})})


class MethodData(Section):
    """What a method learns from."""

    set: SetConfig
    store: Path
    """Where decoded audio is kept."""


class MethodRecipe(AnyRecipe):
    """A run of one method of self-supervision on one data set."""

    about: str = ""
    """Which row of which paper's table it is, and the figure there."""
    data: MethodData
    method: MethodConfig
