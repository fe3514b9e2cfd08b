from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from musicfeat import Extractor, ModelError
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat_export import precision
from musicfeat_export.cli import main
from musicfeat_export.clips import held_out_notes, windows_of
from musicfeat_export.comparison import Score
from musicfeat_export.graph import (
    after_products,
    before_convolutions,
    check_graph,
    duplicates,
    first_convolutions,
    flush_denormals,
    shared,
    spectral_convolutions,
    with_batch,
)
from musicfeat_export.half import to_half
from musicfeat_export.precision import LEAST_COSINE, Comparison
from musicfeat_export.quantised import to_int8
from musicfeat_export.report.engines import evaluate
from musicfeat_export.stored import to_stored


@pytest.fixture(scope="module")
def clips(music: Path) -> np.ndarray:
    return windows_of(music, Session(threads=1).card, 18)


@pytest.fixture(scope="module")
def half() -> onnx.ModelProto:
    return to_half(onnx.load(find_model(None)))


@pytest.fixture(scope="module")
def eight(clips: np.ndarray) -> onnx.ModelProto:
    return to_int8(onnx.load(find_model(None)), clips)


def types_of(proto: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph
    return {value.name: value.type.tensor_type.elem_type for value in graph.value_info}


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def test_stored_weights_are_fewer_bytes_and_the_same_answers(tmp_path: Path, clips: np.ndarray) -> None:
    path = tmp_path / "stored.onnx"
    comparison = precision.convert(find_model(None), path, "stored16", clips=clips[:4])
    assert path.stat().st_size < 0.7 * find_model(None).stat().st_size
    for difference in comparison.differences:
        assert difference.largest < 1e-3, difference
    assert Session(path, threads=1).card.precision == "stored16"
    assert "fewer bytes" in comparison.advice


def test_presets_stand_for_options(tmp_path: Path) -> None:
    path = tmp_path / "mobile.onnx"
    assert main([str(find_model(None)), "-o", str(path), "--for", "mobile"]) == 0
    session = Session(path, threads=1)
    assert session.card.precision == "stored16"
    assert session._engine.inputs["waveform"] == [1, session.card.window]
    assert path.stat().st_size < 0.7 * find_model(None).stat().st_size


def test_onnx_runtimes_own_format_and_its_operators(tmp_path: Path) -> None:
    path = tmp_path / "model.ort"
    assert main([str(find_model(None)), "-o", str(path)]) == 0
    lines = (tmp_path / "model.config").read_text().split()
    operators = {name for line in lines for name in line.split(";")[2].split(",")}
    assert {"Conv", "MatMul", "Gemm"} <= operators
    assert not operators & {"STFT", "DFT", "Loop", "If"}
    found, expected = (Extractor(model, threads=1)(np.ones(9999), sr=22050) for model in (path, None))
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-4)


def test_every_stored_weight_is_within_half_a_step() -> None:
    """The reference implementation reads the stored weights as the original ones, to 16 bits of the largest."""
    source, stored = onnx.load(find_model(None)), to_stored(onnx.load(find_model(None)))
    check_graph(stored)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in stored.graph.initializer}
    whole = [t for t in source.graph.initializer if f"{t.name}.whole" in tensors]
    assert len(whole) > 5
    for tensor in whole:
        values = onnx.numpy_helper.to_array(tensor)
        scale = tensors[f"{tensor.name}.scale"] * tensors[f"{tensor.name}.inputs"]
        read = tensors[f"{tensor.name}.whole"].astype(np.float32) * scale
        assert (np.abs(read - values) <= 0.51 * scale).all(), tensor.name
    assert tensors["trunk.net.stem.0.weight"].dtype == np.float32


def test_clips_are_audible_windows_of_files_that_decode(music: Path) -> None:
    card = Session(threads=1).card
    assert windows_of(music, card, 100).shape == (18, card.window)
    assert windows_of(music, card, 5).shape[0] in range(3, 6)


def test_half_keeps_spectrogram_inputs_and_outputs_single(half: onnx.ModelProto) -> None:
    check_graph(half)
    types = types_of(half)
    assert {v.type.tensor_type.elem_type for v in (*half.graph.input, *half.graph.output)} == {onnx.TensorProto.FLOAT}
    measuring = spectral_convolutions(half.graph)
    convolutions = [node for node in half.graph.node if node.op_type == "Conv" and node.name not in measuring]
    assert {types[node.output[0]] for node in convolutions} == {onnx.TensorProto.FLOAT16}
    logarithms = [node for node in half.graph.node if node.op_type in ("Log", "Sigmoid")]
    assert logarithms
    names = {value.name for value in half.graph.output}
    assert {types[n.output[0]] for n in logarithms if n.output[0] not in names} == {onnx.TensorProto.FLOAT}


@pytest.mark.slow
def test_half_in_true_half_arithmetic_is_close(half: onnx.ModelProto, clips: np.ndarray) -> None:
    expected = Session(threads=1).run(clips[:2], ("embedding", "reversal"))
    found = evaluate(half, clips[:2])
    assert cosine(found["embedding"], expected["embedding"]) >= LEAST_COSINE["fp16"]
    np.testing.assert_allclose(found["reversal"], expected["reversal"], atol=0.01)


def test_half_refuses_weights_that_it_cannot_hold(exported: Path) -> None:
    proto = onnx.load(exported)
    last = [t for t in proto.graph.initializer if t.name.endswith("weight")][-1]
    values = onnx.numpy_helper.to_array(last) * 1e9
    last.CopyFrom(onnx.numpy_helper.from_array(values, last.name))
    with pytest.raises(ModelError, match="half precision"):
        to_half(proto)


@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
def test_int8_leaves_spectrogram_and_first_convolutions_alone(
    clips: np.ndarray, eight: onnx.ModelProto, signed: bool
) -> None:
    source = onnx.load(find_model(None))
    proto = to_int8(source, clips, signed=True) if signed else eight
    check_graph(proto)
    first = first_convolutions(source.graph)
    assert len(first) == 3  # of trunk, joins and cuts
    made_by = {name: node for node in proto.graph.node for name in node.output}
    quantised = {
        node.name
        for node in proto.graph.node
        if node.op_type == "Conv" and made_by[node.input[0]].op_type == "DequantizeLinear"
    }
    kept = first | spectral_convolutions(source.graph)
    assert quantised == {node.name for node in source.graph.node if node.op_type == "Conv"} - kept
    points = {n.input[2] for n in proto.graph.node if n.op_type == "QuantizeLinear"}
    kinds = {tensor.data_type for tensor in proto.graph.initializer if tensor.name in points}
    assert kinds == {onnx.TensorProto.INT8 if signed else onnx.TensorProto.UINT8}
    for name in points if signed else ():
        assert not onnx.numpy_helper.to_array(next(t for t in proto.graph.initializer if t.name == name)).any()


def test_int8_weights_have_a_scale_for_each_channel(eight: onnx.ModelProto) -> None:
    weights = {t.name: t for t in eight.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) > 2}
    dequantised = [n for n in eight.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in weights]
    assert dequantised
    scales = {t.name: t for t in eight.graph.initializer}
    for node in dequantised:
        assert list(scales[node.input[1]].dims) == [weights[node.input[0]].dims[0]]


@pytest.mark.slow
def test_the_commands_write_models_that_answer_alike(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], clip: np.ndarray, rate: int
) -> None:
    expected = Extractor(threads=1)(clip, sr=rate)
    for name, folder in (("fp16", []), ("int8", ["--clips", str(music)])):
        path = tmp_path / f"{name}.onnx"
        assert main(["music-small", "-o", str(path), "--precision", name, *folder]) == 0
        printed = capsys.readouterr().out
        assert "least cosine" in printed
        assert "one thread" in printed
        extractor = Extractor(path, threads=1)
        found = extractor(clip, sr=rate)
        assert cosine(found.embeddings, expected.embeddings) >= LEAST_COSINE[name]
        assert extractor.card.precision == name
        assert extractor.card.scores == {}
        assert json.loads(path.with_suffix(".json").read_text())["precision"] == name
        assert path.stat().st_size < find_model(None).stat().st_size
        assert main([str(path), "-o", str(tmp_path / "again.onnx"), "--precision", "fp16"]) == 1
        assert f"is in {name} already" in capsys.readouterr().err


def test_a_fixed_batch_makes_every_shape_static_and_takes_any_number_of_windows(
    tmp_path: Path, clip: np.ndarray, rate: int, extractor: Extractor
) -> None:
    path = tmp_path / "two.onnx"
    assert main(["music-small", "-o", str(path), "--batch", "2"]) == 0
    graph = onnx.load(path).graph
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    assert "Shape" not in {node.op_type for node in graph.node}
    expected, found = extractor(clip, sr=rate), Extractor(path, threads=1)(clip, sr=rate)
    assert len(found.embeddings) == 3
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-5)
    np.testing.assert_allclose(found.reversal, expected.reversal, atol=1e-5)


@pytest.mark.slow
def test_int8_shows_what_it_costs(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["music-small", "-o", str(tmp_path / "a.onnx"), "--precision", "int8", "--clips", str(music)]) == 0
    printed = capsys.readouterr().out
    for words in ("plays backwards? | 18 | 50.0 %", "pieces shuffled? | 18", "exact order of three | 9 | 16.7 %"):
        assert words in printed
    assert "times as fast" in printed or "ship fp32" in printed.lower()


def test_the_advice_names_what_is_lost() -> None:
    before = [Score("plays backwards?", 64, 0.5, 1.0), Score("exact order of three", 32, 1 / 6, 1.0)]
    after = [Score("plays backwards?", 64, 0.5, 63 / 64), Score("exact order of three", 32, 1 / 6, 31 / 32)]
    assert Comparison("int8", [], 32, before, after, (4.0, 2.0)).advice == (
        "int8 loses 3.1 points of 'exact order of three' (32 answers): ship fp32."
    )
    assert "2.00 times as fast" in Comparison("int8", [], 32, before, before, (4.0, 2.0)).advice


@pytest.mark.slow
def test_a_run_exports_in_any_precision(run: Path, music: Path, tmp_path: Path) -> None:
    arguments = [str(run), "-o", str(tmp_path / "a.onnx"), "--precision", "int8", "--clips", str(music)]
    assert main(arguments) == 0
    assert Session(tmp_path / "a.onnx", threads=1).card.precision == "int8"


@pytest.mark.slow
def test_what_turns_embeddings_away_is_not_written(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(precision.LEAST_COSINE, "int8", 0.9999999)
    path = tmp_path / "a.onnx"
    path.write_bytes(b"precious")
    assert main(["music-small", "-o", str(path), "--precision", "int8", "--clips", str(music)]) == 1
    assert "keep this model in fp32" in capsys.readouterr().err
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["music-small", "--precision", "int8"], "--clips"),
        (["music-small"], "already"),
        (["music-small", "--precision", "fp16", "--batch", "0"], "--batch"),
        (["no-such-model", "--precision", "fp16"], "no-such-model"),
        (["music-small", "--precision", "int8", "--clips", "EMPTY"], "no audible clip"),
        (["music-small", "--precision", "int8", "--clips", "music", "--most-clips", "6"], "at least 8 clips"),
        (["music-small", "--precision", "fp16", "--notes", "EMPTY"], "notes.csv"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], words: str, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": str(tmp_path / "empty"), "music": str(music)}
    named = [places.get(argument, argument) for argument in arguments]
    assert main([*named, "-o", str(tmp_path / "a.onnx")]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert words in error
    assert not (tmp_path / "a.onnx").exists()


def test_held_out_notes_know_what_plays(tmp_path: Path, write_notes: object) -> None:
    write_notes(tmp_path / "notes", 22050)  # type: ignore[operator]
    card = Session(threads=1).card
    notes = held_out_notes(tmp_path / "notes", card)
    assert notes.windows.shape == (2, card.window)
    assert [card.labels[row.argmax()] for row in notes.there] == ["banjo", "cello"]


@pytest.mark.parametrize("name", bundled_models())
@pytest.mark.parametrize("batch", [1, 16])
def test_every_shape_of_a_bundled_model_is_static_once_the_batch_is(name: str, batch: int) -> None:
    proto = with_batch(onnx.load(find_model(name)), batch)
    shapes = [value.type.tensor_type.shape.dim for value in proto.graph.value_info]
    assert shapes
    assert all(dimension.HasField("dim_value") for shape in shapes for dimension in shape)


def test_equal_weights_stand_once(exported: Path) -> None:
    proto = onnx.load(exported)
    kept = next(tensor for tensor in proto.graph.initializer if len(tensor.raw_data) > 64)
    twin, reader = proto.graph.initializer.add(), next(n for n in proto.graph.node if kept.name in n.input)
    twin.CopyFrom(kept)
    twin.name = "twin"
    second = proto.graph.node.add()
    second.CopyFrom(reader)
    second.name, second.output[:] = "second", ["extra"]
    second.input[:] = ["twin" if name == kept.name else name for name in reader.input]
    proto.graph.output.add().CopyFrom(onnx.helper.make_empty_tensor_value_info("extra"))
    assert duplicates(proto.graph) == [(kept.name, "twin")]
    once = shared(proto)
    assert not duplicates(once.graph)
    assert list(once.graph.node[-1].input) == list(reader.input)
    assert "twin" not in {tensor.name for tensor in once.graph.initializer}


def test_idle_nodes_and_weights_are_refused(exported: Path) -> None:
    proto = onnx.load(exported)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "idle"))
    with pytest.raises(ModelError, match="idle"):
        check_graph(proto)


def test_parts_of_a_graph(exported: Path) -> None:
    graph = onnx.load(exported).graph
    before, after = before_convolutions(graph), after_products(graph)
    kinds = {node.name: node.op_type for node in graph.node}
    spectral = spectral_convolutions(graph)
    assert {kinds[name] for name in spectral} == {"Conv"}
    assert spectral < before
    assert not {kinds[name] for name in before - spectral} & {"Conv", "Gemm", "Sigmoid"}
    first = first_convolutions(graph)
    assert {kinds[name] for name in first} == {"Conv"}
    assert not first & before
    assert "Sigmoid" in {kinds[name] for name in after}
    assert not {kinds[name] for name in after} & {"Conv", "Gemm", "MatMul"}


def test_numbers_too_small_to_hear_are_written_as_zero() -> None:
    weights = np.array([1e-40, -1e-44, 0, 1e-37, 1], np.float32)
    halves = np.array([6e-8], np.float16)  # not a half's normal number, but one to a CPU that computes in float32
    graph = onnx.GraphProto(initializer=map(onnx.numpy_helper.from_array, (weights, halves)))
    assert flush_denormals(graph) == 2
    found = onnx.numpy_helper.to_array(graph.initializer[0])
    np.testing.assert_array_equal(found, np.array([0, 0, 0, 1e-37, 1], np.float32))
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(graph.initializer[1]), halves)
