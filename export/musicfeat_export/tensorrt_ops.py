"""Operators that TensorRT's ONNX parser reads from version 10.0 on, and a check of a graph against them.

Facts from the project onnx/onnx-tensorrt: the operator table of docs/operators.md as of TensorRT 10.15, without the
additions after 10.0 that docs/Changelog.md names, and the conditions of onnxOpCheckers.cpp and onnxOpImporters.cpp.
Operators of control flow, recurrence, randomness and text are left out: no model here may hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSETS = (9, 20)
"""First and last operator set of TensorRT 10.0; 10.15 reads up to 24."""
MAX_RANK = 8
TOPK_LIMIT = 3840
PAD_MODES = (b"constant", b"edge", b"reflect", b"wrap")
COORDINATES = (b"half_pixel", b"pytorch_half_pixel", b"tf_half_pixel_for_nn", b"asymmetric", b"align_corners")

FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})
NUMBERS = FLOATS | {TensorProto.INT32, TensorProto.INT64}
VALUES = NUMBERS | {TensorProto.BOOL}
BOOLS = frozenset({TensorProto.BOOL})
STORED = VALUES | {TensorProto.INT8, TensorProto.FLOAT8E4M3FN}
"""Types that a constant may have, those of quantised weights included."""

FLOAT_OPERATORS = """
Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Clip Conv ConvTranspose Cos Cosh CumSum
Dropout Einsum Elu Erf Exp Floor Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid
HardSwish Hardmax InstanceNormalization IsInf LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LpPool
MatMul MaxPool MeanVarianceNormalization PRelu QuantizeLinear Reciprocal Relu Resize Round Selu Sigmoid Sin Sinh
Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Upsample
"""
NUMBER_OPERATORS = """
Abs Add ArgMax ArgMin DepthToSpace Div Equal Greater GreaterOrEqual IsNaN Less LessOrEqual Max Mean Min Mod Mul Neg
Pad Pow Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare ScatterElements ScatterND Shrink Sign SpaceToDepth Sub Sum TopK
"""
VALUE_OPERATORS = """
Cast Concat Expand EyeLike Flatten Gather GatherElements GatherND Identity OneHot Reshape ReverseSequence Shape Size
Slice Split Squeeze Tile Transpose Trilu Unsqueeze Where
"""
TYPES: dict[str, frozenset[int]] = {
    **dict.fromkeys(FLOAT_OPERATORS.split(), FLOATS),
    **dict.fromkeys(NUMBER_OPERATORS.split(), NUMBERS),
    **dict.fromkeys(VALUE_OPERATORS.split(), VALUES),
    **dict.fromkeys(("And", "Not", "Or", "Xor"), BOOLS),
    **dict.fromkeys(("Constant", "ConstantOfShape"), STORED),
    "DequantizeLinear": frozenset({TensorProto.INT8, TensorProto.FLOAT8E4M3FN}),
}
"""Types of the values that an operator computes with; those of shapes, axes and indices are not checked."""

DATA_INPUT = {"Where": 1, "OneHot": 2}
"""Index of the input that the table's type applies to, where it is not the first."""
OUTPUT_TOO = {"Cast", "Constant", "ConstantOfShape", "EyeLike", "Range"}
"""Operators whose output may differ in type from the input, and must be in the table too."""
SHAPE_INPUT = {"ConstantOfShape", "EyeLike"}
"""Operators whose input only gives a shape."""
CONSTANTS = {
    **dict.fromkeys((op for op in TYPES if op.startswith("Reduce")), (1,)),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "CumSum", "OneHot", "TopK"), (1,)),
    "Dropout": (2,),
    "Pad": (3,),
    "Slice": (3,),
    "QuantizeLinear": (2,),
    "DequantizeLinear": (2,),
}
"""Indices of inputs that must be constants; axes of Pad and Slice may vary from 10.4 and 10.3 on."""
ONE_OUTPUT = {"BatchNormalization", "LayerNormalization", "MaxPool"}


@dataclass(frozen=True)
class Graph:
    """A graph's types and constants, by name."""

    types: dict[str, int]
    ranks: dict[str, int]
    constants: dict[str, npt.NDArray[np.generic]]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> Graph:
        """A graph with inferred types, read by name."""
        values: list[ValueInfoProto] = [*graph.input, *graph.value_info, *graph.output]
        types = {value.name: value.type.tensor_type.elem_type for value in values}
        ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        nodes = [node for node in graph.node if node.op_type == "Constant"]
        tensors |= {node.output[0]: a.t for node in nodes for a in node.attribute if a.name == "value"}
        types |= {name: tensor.data_type for name, tensor in tensors.items()}
        ranks |= {name: len(tensor.dims) for name, tensor in tensors.items()}
        return cls(types, ranks, {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items()})


def unsupported(proto: onnx.ModelProto) -> list[str]:
    """Faults for which TensorRT would refuse a model, one line each: the node, its operator, the type and the reason.

    Args:
        proto: a model; types that it does not state are inferred.

    Returns:
        An empty list, if every node is in the table with its types and conditions.
    """
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    graph = Graph.of(inferred.graph)
    faults = [
        f"opset {entry.version} of the standard operators: TensorRT 10.0 reads {OPSETS[0]} to {OPSETS[1]}"
        for entry in proto.opset_import
        if entry.domain in ("", "ai.onnx") and not OPSETS[0] <= entry.version <= OPSETS[1]
    ]
    for index, node in enumerate(inferred.graph.node):
        where = f"node {index} {node.name!r}, {node.op_type}"
        faults += [f"{where}: {fault}" for fault in _faults(node, graph)]
    return faults


def _faults(node: NodeProto, graph: Graph) -> list[str]:
    if node.domain not in ("", "ai.onnx") or node.op_type not in TYPES:
        return [f"the operator (domain {node.domain or 'ai.onnx'}) is not in TensorRT's table"]
    found = [*_type_faults(node, graph), *_rank_faults(node, graph), *_constant_faults(node, graph)]
    return found + [why for condition, why in CONDITIONS.get(node.op_type, ()) if not condition(node, graph)]


def _type_faults(node: NodeProto, graph: Graph) -> Iterable[str]:
    inputs = [] if node.op_type in SHAPE_INPUT else list(node.input)
    names = inputs[DATA_INPUT.get(node.op_type, 0) :][:1] + (list(node.output) if node.op_type in OUTPUT_TOO else [])
    for name in names:
        found = graph.types.get(name, TensorProto.UNDEFINED)
        if found not in TYPES[node.op_type]:
            allowed = ", ".join(sorted(TensorProto.DataType.Name(kind) for kind in TYPES[node.op_type]))
            yield f"{name!r} is {TensorProto.DataType.Name(found)}, supported are {allowed}"


def _rank_faults(node: NodeProto, graph: Graph) -> Iterable[str]:
    for name in (*node.input, *node.output):
        if graph.ranks.get(name, 0) > MAX_RANK:
            yield f"{name!r} has {graph.ranks[name]} dimensions, supported are {MAX_RANK}"


def _constant_faults(node: NodeProto, graph: Graph) -> Iterable[str]:
    for place in CONSTANTS.get(node.op_type, ()):
        if len(node.input) > place and node.input[place] and node.input[place] not in graph.constants:
            yield f"input {place} ({node.input[place]!r}) must be a constant"
    if node.op_type in ONE_OUTPUT and any(node.output[1:]):
        yield f"only the first output is supported, not {list(node.output[1:])}"


def _attribute(node: NodeProto, name: str, default: object = None) -> object:
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return values.get(name, default)


def _constant(node: NodeProto, graph: Graph, place: int) -> npt.NDArray[np.generic] | None:
    return graph.constants.get(node.input[place]) if len(node.input) > place else None


def _zero_point_is_zero(node: NodeProto, graph: Graph) -> bool:
    zero = _constant(node, graph, 2)
    return zero is None or not np.any(zero)


def _scales_are_positive(node: NodeProto, graph: Graph) -> bool:
    scales = _constant(node, graph, 1)
    return scales is None or bool(np.all(scales.astype(np.float64) > 0))


def _quantises_to_int8(node: NodeProto, graph: Graph) -> bool:
    return graph.types.get(node.output[0]) in (TensorProto.INT8, TensorProto.FLOAT8E4M3FN)


def _few_enough(node: NodeProto, graph: Graph) -> bool:
    count = _constant(node, graph, 1)
    return count is None or int(count.item()) < TOPK_LIMIT


def _wildcards_clear(node: NodeProto, graph: Graph) -> bool:
    shape = _constant(node, graph, 1)
    if shape is None:
        return True
    sizes = [int(size) for size in shape.ravel()]
    return sizes.count(-1) <= 1 and not (_attribute(node, "allowzero", 0) and 0 in sizes)


def _equal(name: str, *allowed: object) -> Callable[[NodeProto, Graph], bool]:
    """A condition: the attribute is left out or has one of these values."""
    return lambda node, _: _attribute(node, name, allowed[0]) in allowed


def _ones(node: NodeProto, _: Graph) -> bool:
    return all(size == 1 for attribute in node.attribute if attribute.name == "dilations" for size in attribute.ints)


Condition = tuple[Callable[[NodeProto, Graph], bool], str]
QUANTISED: tuple[Condition, ...] = (
    (_zero_point_is_zero, "the zero point must be 0"),
    (_scales_are_positive, "the scales must be positive"),
)
CONDITIONS: dict[str, tuple[Condition, ...]] = {
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), ((_ones, "dilations must be 1"),)),
    "BatchNormalization": ((_equal("training_mode", 0), "training is not supported"),),
    "DequantizeLinear": QUANTISED,
    "LpNormalization": ((_equal("p", 2, 1), "p must be 1 or 2"),),
    "Pad": ((_equal("mode", *PAD_MODES), f"the mode must be one of {PAD_MODES}"),),
    "QuantizeLinear": (
        *QUANTISED,
        (_quantises_to_int8, "only INT8 is supported, and UINT8 is not: export with --signed"),
    ),
    "Reshape": ((_wildcards_clear, "at most one -1 is supported, and no 0 with allowzero"),),
    "Resize": (
        (_equal("mode", b"nearest", b"linear"), "the mode must be nearest or linear"),
        (_equal("coordinate_transformation_mode", *COORDINATES), f"coordinates must be one of {COORDINATES}"),
        (_equal("antialias", 0), "antialiasing is not supported"),
        (_equal("keep_aspect_ratio_policy", b"stretch"), "only stretching is supported"),
    ),
    "ScatterND": ((_equal("reduction", b"none"), "a reduction is not supported"),),
    "TopK": (
        (_equal("sorted", 1), "the result must be sorted"),
        (_few_enough, f"K must be less than {TOPK_LIMIT}"),
    ),
}
"""Conditions on a node beyond its types, each with the message if it fails."""
