"""Base of every table of a recipe."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of a recipe; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def expanded(path: Path) -> Path:
    """Path with ``~`` and ``$VARIABLES`` replaced."""
    return Path(os.path.expandvars(path)).expanduser()
