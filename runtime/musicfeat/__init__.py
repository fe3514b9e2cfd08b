"""musicfeat: embeddings of music that depend on the order of time, with reversal, jigsaw order and tags.

    from musicfeat import Extractor
    features = Extractor()("song.mp3")

Names are loaded when they are first used, so that importing the package costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.9.0"

if TYPE_CHECKING:
    from musicfeat.errors import AudioError, CatalogError, DeviceError, InputError, ModelError, MusicfeatError
    from musicfeat.extractor import Extractor
    from musicfeat.features import Features, Order
    from musicfeat.functional import embed, load
    from musicfeat.model.card import ModelCard
    from musicfeat.model.session import bundled_models
    from musicfeat.versions.comparison import Comparison, compare

_HOMES = {
    "AudioError": "errors",
    "CatalogError": "errors",
    "Comparison": "versions.comparison",
    "DeviceError": "errors",
    "Extractor": "extractor",
    "Features": "features",
    "InputError": "errors",
    "ModelCard": "model.card",
    "ModelError": "errors",
    "MusicfeatError": "errors",
    "Order": "features",
    "bundled_models": "model.session",
    "compare": "versions.comparison",
    "embed": "functional",
    "load": "functional",
}

__all__ = [
    "AudioError",
    "CatalogError",
    "Comparison",
    "DeviceError",
    "Extractor",
    "Features",
    "InputError",
    "ModelCard",
    "ModelError",
    "MusicfeatError",
    "Order",
    "bundled_models",
    "compare",
    "embed",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'musicfeat' has no attribute {name!r}")
    return getattr(import_module(f"musicfeat.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
