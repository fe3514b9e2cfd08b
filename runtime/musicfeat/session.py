"""Import path of ``Session`` and ``cores`` up to 0.8; they are in ``musicfeat.model`` now."""

from __future__ import annotations

from musicfeat.model.cores import cores
from musicfeat.model.session import Session, bundled_models, find_model

__all__ = ["Session", "bundled_models", "cores", "find_model"]
