"""The public API, pinned: what is written here may only change with a new major version."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

import musicfeat
from musicfeat import Extractor, Features, InputError, ModelCard, MusicfeatError, Order

SIGNATURES = {
    Extractor: "(model=None, device='cpu', threads=None, hop=None, *, "
    "outputs=None, heads=(), memory=None, options=None)",
    Extractor.__call__: "(self, audio, sr=None)",
    Extractor.reversed: "(self, audio, sr=None)",
    Extractor.order: "(self, pieces, sr=None, gap=0.0)",
    Extractor.map: "(self, paths, *, decode_ahead=True)",
    Extractor.stream: "(self, blocks, sr=None)",
    musicfeat.embed: "(y, sr=None, *, hop=None, pooled=False)",
    musicfeat.load: "(path, sr=None)",
}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__qualname__)
def test_signatures(function: object) -> None:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    assert str(inspect.Signature(bare)) == SIGNATURES[function]


def test_everything_public_is_there_and_documented() -> None:
    for name in musicfeat.__all__:
        assert getattr(musicfeat, name).__doc__, name
        assert name in dir(musicfeat)
    with pytest.raises(AttributeError, match="no attribute"):
        _ = musicfeat.nothing


def test_result_types_are_frozen_and_typed() -> None:
    for result in (Features, Order, ModelCard):
        assert all(field.type for field in fields(result))
        assert result.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_one_root_for_all_errors() -> None:
    for name in ("AudioError", "CatalogError", "DeviceError", "InputError", "ModelError"):
        assert issubclass(getattr(musicfeat, name), MusicfeatError)
    assert issubclass(InputError, ValueError)
