"""Skips a test where torchaudio is not there, or is there beside a torch that it does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from musicfeat.errors import InputError
from musicfeat_trainer.libraries import torchaudio


def needed(part: str = "functional") -> Any:
    """A module of torchaudio."""
    try:
        return torchaudio(part)
    except InputError as error:
        pytest.skip(str(error))
