"""Settings of optimisation, which the training loop reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from musicfeat_trainer.section import Section


class Optimisation(Section):
    """Optimisation of one part of a model."""

    steps: int = Field(gt=0)
    seed: int = 7
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum of sgd."""
    learning_rate: float = Field(2.5e-3, gt=0)
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    """Learning rate after the warm-up: a cosine to zero; a tenth whenever validation stalls; or constant."""
    plateau_patience: int = Field(3, gt=0)
    """Evaluations without a better score before ``plateau`` lowers the rate."""
    warmup: int = Field(200, ge=0)
    weight_decay: float = Field(0.03, ge=0)
    clip_norm: float | None = Field(5.0, gt=0)
    """Greatest norm of the gradient of all weights; None: no limit."""
    average: float = Field(0.998, ge=0, lt=1)
    """Decay of the moving average of weights that is evaluated and kept."""
    bfloat16: bool = True
    """True if convolutions and products run in bfloat16 on devices that have it; statistics and losses never do."""
    compile: bool = False
    """True if encoders go through ``torch.compile``, which needs a C++ compiler."""
    evaluate_every: int = Field(500, gt=0)
    checkpoint_seconds: float = Field(120.0, gt=0)
    patience: int = Field(12, gt=0)
    """Evaluations without a better score before training stops."""
    clips_per_track: int = Field(6, gt=0)
