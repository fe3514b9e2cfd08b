"""The recipe of a run of one method: frontend, encoder, objective, and the clips and views that it learns from."""

from __future__ import annotations

from pathlib import Path

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
