"""Engines kept from one run to the next, and the timings that make the next one faster to build.

No file in the folder is trusted: one that is damaged, of another recipe, or refused by TensorRT is built again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from musicfeat.errors import ModelError
from musicfeat.model.trt import sealed
from musicfeat.model.trt.recipe import Target

Loaded = TypeVar("Loaded")


def folder() -> Path:
    """The folder of engines: ``musicfeat/tensorrt`` in the user's cache ($XDG_CACHE_HOME, by default ~/.cache)."""
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    return Path(os.environ.get("XDG_CACHE_HOME") or local or Path.home() / ".cache") / "musicfeat" / "tensorrt"


def cached(
    path: Path, header: dict[str, Any], build: Callable[[], bytes], load: Callable[[bytes], Loaded | None]
) -> Loaded | None:
    """The engine in ``path`` if the file is whole, has the same header and can be loaded; else a newly built one.

    Args:
        path: a file in the cache.
        header: the header that the file must have.
        build: makes the engine's bytes.
        load: brings them to the GPU, or returns None if TensorRT refuses them.
    """
    try:
        found, payload = sealed.read(path)
        loaded = load(payload) if found == header else None
    except (FileNotFoundError, ModelError):
        loaded = None
    if loaded is not None:
        return loaded
    payload = build()
    _write(path, header, payload)
    return load(payload)


def timings(target: Target) -> bytes:
    """The timing cache of earlier builds for the same target; empty if there is none."""
    try:
        header, payload = sealed.read(_timing_path(target))
    except (FileNotFoundError, ModelError):
        return b""
    return payload if header == asdict(target) else b""


def write_timings(target: Target, payload: bytes) -> None:
    """Write a timing cache for the next build."""
    _write(_timing_path(target), asdict(target), payload)


def _timing_path(target: Target) -> Path:
    return folder() / f"{hashlib.sha256(str(target).encode()).hexdigest()}.timings"


def _write(path: Path, header: dict[str, Any], payload: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sealed.write(path, header, payload)
    except OSError as error:
        warnings.warn(f"{path} cannot be kept for the next time ({error}): set XDG_CACHE_HOME", stacklevel=2)
