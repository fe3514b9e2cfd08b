from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicfeat import DeviceError, Extractor, InputError, ModelError, bundled_models
from musicfeat.model.card import OUTPUTS, ModelCard, card_from_metadata
from musicfeat.model.session import DEFAULT_MODEL, Session, find_model, levelled


def test_the_bundled_model_keeps_the_contract() -> None:
    assert DEFAULT_MODEL in bundled_models()
    for name in bundled_models():
        session = Session(name, threads=1)
        card = session.card
        assert card.name == name
        assert set(card.outputs) <= set(OUTPUTS)
        assert card.window % card.pieces == 0
        assert len(card.weights_sha256) == 64
        assert card.licence
        assert card.training_data
        assert session.path.stat().st_size <= 10e6
        values = session.run(np.zeros((2, card.window), dtype=np.float32), card.outputs)
        assert all(len(value) == 2 and np.isfinite(value).all() for value in values.values())
        assert values["successor"].shape == (2, card.pieces, card.pieces)


def test_models_are_found_by_name_and_by_path() -> None:
    path = find_model(None)
    assert find_model(path) == path
    assert find_model(path.stem) == path
    with pytest.raises(ModelError, match="neither a file nor a bundled model"):
        find_model("no-such-model")


def bad_models(folder: Path) -> dict[str, Path]:
    whole = find_model(None).read_bytes()
    contents = {"short": whole[: len(whole) // 2], "empty": b"", "text": b"not a model", "tail": whole[1000:]}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents} | {"directory": folder}


def test_bad_model_files_are_model_errors(tmp_path: Path) -> None:
    for name, path in bad_models(tmp_path).items():
        with pytest.raises(ModelError) as caught:
            Extractor(path)
        assert str(path) in str(caught.value), name
        assert "\n" not in str(caught.value)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the export extra is not installed")
    value = onnx.helper.make_tensor_value_info("waveform", onnx.TensorProto.FLOAT, ["batch", 100])
    output = onnx.helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, ["batch", 100])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["waveform"], ["embedding"])], "g", [value], [output])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="not a musicfeat model"):
        Extractor(tmp_path / "other.onnx")
    card = ModelCard("x", "1", 22050, 200, 200, ("embedding",), 3, 10)
    onnx.helper.set_model_props(model, card.to_metadata())
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="its card says"):
        Extractor(tmp_path / "other.onnx")


def test_cards_survive_the_metadata() -> None:
    card = ModelCard("x", "1", 22050, 300, 300, ("embedding", "tags"), 3, 10, 2.5, ("a", "b"), scores={"s": 0.5})
    assert card_from_metadata(card.to_metadata(), "here") == card
    card = replace(card, outputs=("embedding", "cut"), curves={"cut": (0.05, 0.025)})
    assert card_from_metadata(card.to_metadata(), "here") == card


@pytest.mark.parametrize(
    "change",
    [
        {"musicfeat_contract": "99"},
        {"window": "nonsense"},
        {"sample_rate": "0"},
        {"outputs": "[]"},
        {"hop": '"a"'},
        {"curves": "[3]"},
    ],
)
def test_damaged_cards_are_refused(change: dict[str, str]) -> None:
    card = ModelCard("x", "1", 22050, 300, 300, ("embedding",), 3, 10)
    with pytest.raises(ModelError, match="here"):
        card_from_metadata({**card.to_metadata(), **change}, "here")


def test_a_device_that_is_not_there_is_no_silent_fallback() -> None:
    from musicfeat.model.ort import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(DeviceError, match="CUDAExecutionProvider"):
        Extractor(device="cuda:0")


def test_levelling_is_exact_and_leaves_ordinary_levels_alone() -> None:
    windows = np.random.default_rng(0).uniform(-1, 1, (4, 100)).astype(np.float32)
    assert levelled(windows) is windows
    scaled = windows * np.array([[1e-6], [1e25], [1], [0]], dtype=np.float32)
    found = levelled(scaled)
    np.testing.assert_array_equal(found[2:], scaled[2:])
    for row in (0, 1):
        assert 0.5 <= np.abs(found[row]).max() < 1
        ratio = np.log2(np.abs(found[row] / scaled[row]))
        assert np.ptp(ratio) < 1e-5


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_unusable_thread_counts_are_refused(threads: object) -> None:
    with pytest.raises(InputError, match="threads"):
        Session(threads=threads)  # type: ignore[arg-type]


def test_sessions_say_why_they_do_not_pickle(extractor: Extractor) -> None:
    with pytest.raises(TypeError, match="each worker"):
        pickle.dumps(extractor)


def test_a_card_tells_the_kinds_of_its_labels() -> None:
    card = ModelCard(
        "x", "1", 22050, 300, 300, ("embedding", "tags"), 3, 10, labels=("a", "b"), kinds=("genre", "mood")
    )
    again = card_from_metadata(card.to_metadata(), "x.onnx")
    assert (again.columns_of("mood"), again.columns_of("instrument")) == ({"b": 1}, {})
    assert replace(card, kinds=()).columns_of("instrument") == {"a": 0, "b": 1}
    with pytest.raises(ModelError, match="inconsistent"):
        card_from_metadata(replace(card, kinds=("genre",)).to_metadata(), "x.onnx")
