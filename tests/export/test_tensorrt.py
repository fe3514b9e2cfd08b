"""Graphs against TensorRT's operator table, shapes at the ends of the profile, and the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from musicfeat import DeviceError, ModelError
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat.model.trt import library
from musicfeat.model.trt.recipe import Profile
from musicfeat_export.cli import main
from musicfeat_export.cli.tensorrt import check_model
from musicfeat_export.clips import windows_of
from musicfeat_export.graph import FORBIDDEN_OPS, with_batch
from musicfeat_export.half import to_half
from musicfeat_export.onnx_file import to_onnx
from musicfeat_export.quantised import to_int8
from musicfeat_export.resampled import resampled
from musicfeat_export.tensorrt_ops import CONDITIONS, CONSTANTS, TYPES, unsupported
from musicfeat_trainer.encoders.sample_cnn import WINDOW, SampleCNN
from musicfeat_trainer.frontends.cqt import CQT, CQTSpec
from musicfeat_trainer.frontends.log_mel_stack import LogMelStack

FLOAT, HALF, INT8, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.INT64
BATCHES = (1, 64)


def graph_of(
    nodes: list[onnx.NodeProto], kind: int = FLOAT, opset: int = 18, **constants: np.ndarray
) -> onnx.ModelProto:
    """A model of ``x`` [batch, 8, 8, 8] whose last node gives ``y``."""
    x = helper.make_tensor_value_info("x", kind, ["batch", 8, 8, 8])
    y = onnx.ValueInfoProto(name="y")
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], tensors)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def node(operator: str, *inputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, list(inputs), ["y"], name="here", **attributes)


def check(proto: onnx.ModelProto) -> None:
    """Every operator and type is in the table, and both ends of the profile settle all shapes."""
    assert unsupported(proto) == []
    for batch in BATCHES:
        with_batch(proto, batch)


@pytest.mark.parametrize("name", bundled_models())
def test_bundled_models_stand_in_the_table(name: str) -> None:
    check(onnx.load(find_model(name)))
    check(to_half(onnx.load(find_model(name))))


def test_a_fresh_model_stands_in_the_table_at_any_rate(exported: Path, tmp_path: Path) -> None:
    check(onnx.load(exported))
    resampled(exported, tmp_path / "44100.onnx", 44100)
    check(onnx.load(tmp_path / "44100.onnx"))


@pytest.mark.slow
def test_signed_int8_stands_in_the_table_and_unsigned_does_not(music: Path) -> None:
    clips = windows_of(music, Session(threads=1).card, 16)
    check(to_int8(onnx.load(find_model(None)), clips, signed=True))
    faults = unsupported(to_int8(onnx.load(find_model(None)), clips))
    assert any("UINT8 is not" in fault for fault in faults)
    assert any("INT32, supported are" in fault for fault in faults)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "window"),
    [(CQT, 63000), (lambda: CQT(CQTSpec(centred=True)), 63000), (LogMelStack, 63000), (SampleCNN, WINDOW)],
    ids=["cqt", "centred cqt", "log-mel", "SampleCNN"],
)
def test_frontends_and_encoders_stand_in_the_table(make: Callable[[], nn.Module], window: int) -> None:
    check(to_onnx(make(), window, ["embedding"]))


def test_the_table_names_standard_operators_only() -> None:
    standard = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert set(TYPES) <= standard
    assert set(CONSTANTS) | set(CONDITIONS) <= set(TYPES)
    assert not set(TYPES) & FORBIDDEN_OPS


def faulty() -> Iterator[tuple[str, onnx.ModelProto]]:
    axes, scale = np.array([1]), np.float32(0.1)
    yield "not in TensorRT's table", graph_of([node("Det", "x")])
    yield "not in TensorRT's table", graph_of([node("Relu", "x", domain="com.microsoft")])
    yield "supported are BFLOAT16, FLOAT, FLOAT16", graph_of([node("Exp", "x")], TensorProto.DOUBLE)
    yield "'y' is DOUBLE", graph_of([node("Cast", "x", to=TensorProto.DOUBLE)])
    yield "'x' is INT64", graph_of([node("MatMul", "x", "x")], INT64)
    yield "'x' is UINT8", graph_of([node("Transpose", "x")], TensorProto.UINT8)
    yield (
        "'b' is INT8",
        graph_of([node("Where", "c", "b", "b")], b=np.ones(8, dtype=np.int8), c=np.ones(8, dtype=np.bool_)),
    )
    yield (
        "input 1 ('e') must be a constant",
        graph_of([helper.make_node("Shape", ["x"], ["e"], start=1, end=2), node("ReduceSum", "x", "e")]),
    )
    yield "the mode must be one of", graph_of([node("Pad", "x", "p", mode="unknown")], p=np.zeros(8, dtype=np.int64))
    yield "dilations must be 1", graph_of([node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2])])
    yield (
        "only the first output",
        graph_of([helper.make_node("MaxPool", ["x"], ["y", "i"], name="here", kernel_shape=[2, 2])]),
    )
    yield (
        "the zero point must be 0",
        graph_of([node("QuantizeLinear", "x", "s", "z")], s=scale, z=np.int8(3)),
    )
    yield "the scales must be positive", graph_of([node("QuantizeLinear", "x", "s", "z")], s=-scale, z=np.int8(0))
    yield "UINT8 is not", graph_of([node("QuantizeLinear", "x", "s", "z")], s=scale, z=np.uint8(0))
    yield "'b' is INT32", graph_of([node("DequantizeLinear", "b", "s")], b=np.ones(8, dtype=np.int32), s=scale)
    yield "no 0 with allowzero", graph_of([node("Reshape", "x", "t", allowzero=1)], t=np.array([0, 0, 8]))
    yield (
        "must be nearest or linear",
        graph_of([node("Resize", "x", "", "r", mode="cubic")], r=np.ones(4, dtype=np.float32)),
    )
    yield (
        "K must be less than 3840",
        graph_of(
            [helper.make_node("TopK", ["w", "k"], ["y", "i"], name="here")],
            w=np.zeros(4000, dtype=np.float32),
            k=np.array([3900]),
        ),
    )
    yield "dimensions, supported are 8", graph_of([node("Reshape", "x", "t")], t=np.array([-1, 2, 2, 2, 2, 2, 2, 2, 2]))
    yield "reads 9 to 20", graph_of([node("ReduceSum", "x", "a")], opset=21, a=axes)
    yield (
        "a reduction is not supported",
        graph_of(
            [node("ScatterND", "w", "i", "w", reduction="add")],
            w=np.zeros(4, dtype=np.float32),
            i=np.arange(4)[:, None],
        ),
    )


@pytest.mark.parametrize(("why", "proto"), list(faulty()))
def test_what_tensorrt_would_refuse_is_found_with_its_node(why: str, proto: onnx.ModelProto) -> None:
    found = unsupported(proto)
    assert len(found) == 1
    assert why in found[0]
    assert "node " in found[0] or "opset" in found[0]


@pytest.mark.parametrize(
    "proto",
    [
        graph_of([node("Cast", "x", to=HALF)]),
        graph_of([node("Sigmoid", "x")], HALF),
        graph_of(
            [
                helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
                helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
                helper.make_node("DequantizeLinear", ["w", "s", "z"], ["v"]),
                node("Conv", "d", "v"),
            ],
            s=np.float32(0.1),
            z=np.int8(0),
            w=np.ones((2, 8, 1, 1), dtype=np.int8),
        ),
        graph_of([node("Pad", "x", "p", mode="reflect")], p=np.ones(8, dtype=np.int64)),
        graph_of([helper.make_node("Shape", ["x"], ["e"]), node("Reshape", "x", "e")]),
    ],
    ids=["to half", "half", "quantised", "padded", "shape"],
)
def test_half_and_explicitly_quantised_graphs_pass(proto: onnx.ModelProto) -> None:
    assert unsupported(proto) == []


def test_open_shapes_are_refused_before_building(tmp_path: Path) -> None:
    counted = graph_of([helper.make_node("NonZero", ["x"], ["n"]), node("Transpose", "n")])
    onnx.save(counted, tmp_path / "open.onnx")
    with pytest.raises(ModelError, match="NonZero"):
        check_model(tmp_path / "open.onnx", Profile())
    reshaped = graph_of([node("Reshape", "x", "t"), helper.make_node("Add", ["y", "c"], ["z"])])
    reshaped.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([-1, 3, 8]), "t"),
            numpy_helper.from_array(np.zeros((7, 3, 8), dtype=np.float32), "c"),
        ]
    )
    reshaped.graph.output[0].name = "z"
    onnx.save(reshaped, tmp_path / "fixed.onnx")
    with pytest.raises(ModelError, match=r"fixed\.onnx"):
        check_model(tmp_path / "fixed.onnx", Profile(1, 3, 3))


def test_the_command_checks_before_it_builds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proto = onnx.load(find_model(None))
    proto.graph.node[3].op_type = "Det"
    del proto.graph.node[3].attribute[:]
    onnx.save(proto, tmp_path / "bad.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    output = ["-o", str(tmp_path / "a.engine")]
    for words, said in (
        ([str(tmp_path / "missing.onnx")], "neither a file nor a bundled model"),
        ([str(tmp_path / "text.onnx")], "cannot be read as an ONNX model"),
        ([str(tmp_path / "bad.onnx")], "Det: the operator (domain ai.onnx) is not in TensorRT's table"),
        (["music-small", "--batch", "4", "2", "8"], "MIN <= OPT <= MAX"),
        (["music-small", "--workspace", "0"], "--workspace"),
        (["music-small", "-o", str(tmp_path / "no" / "a.engine")], "name a folder that exists"),
    ):
        assert main(["tensorrt", *output, *words]) == 1
        error = capsys.readouterr().err
        assert said in error
        assert len(error.splitlines()) == 1
    assert not (tmp_path / "a.engine").exists()


def test_the_command_builds_or_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.engine"
    code = main(["tensorrt", "music-small", "-o", str(path), "--batch", "1", "2", "4"])
    try:
        library.tensorrt()
    except DeviceError:
        assert code == 1
        assert "pip install 'musicfeat[tensorrt]'" in capsys.readouterr().err
        assert not path.exists()
    else:
        assert path.exists() == (code == 0)
