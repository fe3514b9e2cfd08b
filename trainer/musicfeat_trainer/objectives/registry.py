"""Objectives by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.objectives.byol import BYOLConfig
from musicfeat_trainer.objectives.cpc import CPCConfig
from musicfeat_trainer.objectives.distillation import DistillationConfig
from musicfeat_trainer.objectives.inpainting import InpaintingConfig
from musicfeat_trainer.objectives.jigsaw import JigsawConfig
from musicfeat_trainer.objectives.moco import MoCoConfig
from musicfeat_trainer.objectives.npid import NPIDConfig
from musicfeat_trainer.objectives.odd_one_out import OddOneOutConfig
from musicfeat_trainer.objectives.pirl import PIRLConfig
from musicfeat_trainer.objectives.semantic_relevance import SemanticRelevanceConfig
from musicfeat_trainer.objectives.simclr import SimCLRConfig
from musicfeat_trainer.objectives.simsiam import SimSiamConfig
from musicfeat_trainer.objectives.time_reversal import TimeReversalConfig

AnyObjective = Annotated[
    TimeReversalConfig
    | JigsawConfig
    | SimCLRConfig
    | CPCConfig
    | MoCoConfig
    | NPIDConfig
    | PIRLConfig
    | SimSiamConfig
    | BYOLConfig
    | SemanticRelevanceConfig
    | InpaintingConfig
    | OddOneOutConfig
    | DistillationConfig,
    Field(discriminator="name"),
]
"""One of the objectives; the first line of its docstring names the paper and its setting."""
