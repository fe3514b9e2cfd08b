"""The keys that every recipe has."""

from __future__ import annotations

from musicfeat_trainer.section import Section


class AnyRecipe(Section):
    """What every training run has."""

    name: str
    version: str = "0.1.0"
