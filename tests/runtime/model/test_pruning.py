from __future__ import annotations

import numpy as np
import pytest

from musicfeat import ModelError
from musicfeat.model.pruning import keep_outputs
from musicfeat.model.session import Session, find_model


@pytest.fixture(scope="module")
def model() -> bytes:
    return find_model(None).read_bytes()


def test_keeping_everything_changes_nothing(model: bytes) -> None:
    names = set(Session(threads=1).card.outputs)
    assert keep_outputs(model, names) == model


def test_what_is_left_is_valid_smaller_and_the_same(model: bytes) -> None:
    onnx = pytest.importorskip("onnx", reason="the export extra is not installed")
    pruned = onnx.load_from_string(keep_outputs(model, {"reversal"}))
    onnx.checker.check_model(pruned, full_check=True)
    assert [output.name for output in pruned.graph.output] == ["reversal"]
    assert len(pruned.graph.node) < len(onnx.load_from_string(model).graph.node)
    card = Session(threads=1).card
    windows = np.random.default_rng(0).standard_normal((2, card.window)).astype(np.float32)
    whole = Session(threads=1).run(windows, ("reversal",))["reversal"]
    light = Session(threads=1, outputs=["reversal"]).run(windows, ("reversal",))["reversal"]
    np.testing.assert_allclose(light, whole, atol=1e-6)


@pytest.mark.parametrize("size", [1, 10, 1000, 100_000])
def test_bytes_cut_short_are_refused(model: bytes, size: int) -> None:
    with pytest.raises(ModelError, match="cut short"):
        keep_outputs(model[:size], {"embedding"})


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ModelError):
        keep_outputs(b"\xff" * 100, {"embedding"})
