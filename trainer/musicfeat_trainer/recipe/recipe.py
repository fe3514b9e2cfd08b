"""The keys that every recipe has."""

from __future__ import annotations

from musicfeat_trainer.section import Section


class AnyRecipe(Section):
    """Keys of every training run."""

    name: str
    version: str = "0.1.0"
