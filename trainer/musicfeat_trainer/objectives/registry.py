"""Objectives by the name that a recipe calls them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from musicfeat_trainer.objectives.moco import MoCoConfig
from musicfeat_trainer.objectives.npid import NPIDConfig
from musicfeat_trainer.objectives.pirl import PIRLConfig
from musicfeat_trainer.objectives.simclr import SimCLRConfig
from musicfeat_trainer.objectives.time_reversal import TimeReversalConfig

AnyObjective = Annotated[
    TimeReversalConfig | SimCLRConfig | MoCoConfig | NPIDConfig | PIRLConfig, Field(discriminator="name")
]
"""One of the objectives; the first line of its docstring names the paper and its setting."""
