"""Optional libraries, imported where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from musicfeat.errors import InputError


def torchaudio(part: str) -> Any:
    """Module of torchaudio.

    Raises:
        InputError: torchaudio is not installed, or does not fit the installed torch.
    """
    try:
        return importlib.import_module(f"torchaudio.{part}")
    except (ImportError, OSError) as error:
        raise InputError(
            f"torchaudio cannot be imported ({str(error).splitlines()[0]}): pip install 'musicfeat[torchaudio]' "
            "'torch==2.11.0' in an environment of its own; it needs the build of torch that brings CUDA"
        ) from error
