"""Queries on an ONNX graph, and the checks that every file passes before it is written."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import numpy_helper

from musicfeat.errors import ModelError

FORBIDDEN_OPS = {"STFT", "DFT", "Loop", "If", "Scan", "MelWeightMatrix"}
"""Operators that some engine lacks; see the model contract in docs/export.md."""
PRODUCTS = {"Conv", "Gemm", "MatMul"}
ACTIVATIONS = {"Elu", "Gelu", "HardSwish", "LeakyRelu", "MaxPool", "Relu", "Sigmoid", "Softmax", "Tanh"}
BATCH = "batch"


def check_graph(proto: onnx.ModelProto) -> None:
    """Check a graph with ONNX's checker and full shape inference, for allowed standard operators and no unused node.

    Raises:
        ModelError: a check fails; the message names it.
    """
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"the exported graph is not valid ONNX: {error}") from error
    used = {(node.domain, node.op_type) for node in proto.graph.node}
    custom = sorted(op for domain, op in used if domain not in ("", "ai.onnx"))
    forbidden = sorted(op for _, op in used if op in FORBIDDEN_OPS)
    if custom or forbidden or proto.functions:
        raise ModelError(f"the exported graph has operators that some engines lack: {custom + forbidden}")
    if idle := unused(proto.graph):
        raise ModelError(f"the exported graph holds what nothing reads: {idle[:5]}")
    if twice := duplicates(proto.graph):
        raise ModelError(f"the exported graph holds the same weights twice: {twice[:5]}")


def unused(graph: onnx.GraphProto) -> list[str]:
    """Names of weights that no node reads, and of nodes whose outputs are never read."""
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    idle = [tensor.name for tensor in graph.initializer if tensor.name not in read]
    return idle + [node.name for node in graph.node if not read & set(node.output)]


def duplicates(graph: onnx.GraphProto, least: int = 64) -> list[tuple[str, str]]:
    """Pairs of weights of at least ``least`` bytes with equal type, shape and values."""
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    pairs = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor).tobytes()
        known = first.setdefault((tensor.data_type, tuple(tensor.dims), values), tensor.name)
        if known != tensor.name and len(values) >= least:
            pairs.append((known, tensor.name))
    return pairs


def shared(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which equal weights are stored once."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    kept = {second: first for first, second in duplicates(result.graph)}
    for node in result.graph.node:
        node.input[:] = [kept.get(name, name) for name in node.input]
    replace(result.graph.initializer, [t for t in result.graph.initializer if t.name not in kept])
    return result


def turn_weights(graph: onnx.GraphProto) -> None:
    """Transpose the weights that only a transposition reads, and drop it: products then read their weights themselves,
    as conversions to fewer bits expect.
    """
    read = Counter(name for node in graph.node for name in node.input)
    weights = {tensor.name: tensor for tensor in graph.initializer if read[tensor.name] == 1}
    turning = [node for node in graph.node if node.op_type == "Transpose" and node.input[0] in weights]
    for node in turning:
        tensor = weights[node.input[0]]
        order = onnx.helper.get_node_attr_value(node, "perm")
        turned = np.ascontiguousarray(numpy_helper.to_array(tensor).transpose(order))
        tensor.CopyFrom(numpy_helper.from_array(turned, node.output[0]))
        graph.node.remove(node)


def spectral_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Names of the convolutions that only measure: a logarithm of the spectrogram reads them, no activation between."""
    made_by = {name: node for node in graph.node for name in node.output}
    pending = [node for node in graph.node if node.op_type == "Log"]
    seen: set[str] = set()
    found = set()
    while pending:
        node = pending.pop()
        if node.name in seen or node.op_type in ACTIVATIONS:
            continue
        seen.add(node.name)
        if node.op_type == "Conv":
            found.add(node.name)
        pending += [made_by[name] for name in node.input if name in made_by]
    return found


def before_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Names of the nodes before any convolution of the network: the spectrogram, and nodes that read only it."""
    spectral = spectral_convolutions(graph)
    touched: set[str] = set()
    before = set()
    for node in graph.node:
        if (node.op_type == "Conv" and node.name not in spectral) or touched & set(node.input):
            touched.update(node.output)
        else:
            before.add(node.name)
    return before


def first_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Names of the convolutions of the network without another one before them."""
    before = before_convolutions(graph)
    given = {name for node in graph.node if node.name in before for name in node.output}
    given |= {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    network = (node for node in graph.node if node.op_type == "Conv" and node.name not in before)
    return {node.name for node in network if set(node.input) <= given | {""}}


def after_products(graph: onnx.GraphProto) -> set[str]:
    """Names of the nodes after every convolution and matrix product: the last sums, and probabilities."""
    readers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    leading: set[str] = set()
    for node in reversed(graph.node):
        if node.op_type in PRODUCTS or any(n.name in leading for name in node.output for n in readers[name]):
            leading.add(node.name)
    return {node.name for node in graph.node} - leading


def with_batch(proto: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """A copy with a fixed batch and all shapes inferred and stored.

    Raises:
        ModelError: a shape stays unknown.
    """
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    result.graph.ClearField("value_info")
    for value in (*result.graph.input, *result.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == BATCH:
                dimension.dim_value = batch
    result = onnx.shape_inference.infer_shapes(result, check_type=True, strict_mode=True, data_prop=True)
    if unknown := [value.name for value in result.graph.value_info if not _known(value)]:
        raise ModelError(f"the shapes of {unknown[:5]} cannot be inferred for a batch of {batch}")
    return result


def _known(value: onnx.ValueInfoProto) -> bool:
    return all(dimension.HasField("dim_value") for dimension in value.type.tensor_type.shape.dim)


def weights_digest(proto: onnx.ModelProto) -> str:
    """SHA-256 over all initializers: names, shapes and bytes, sorted by name."""
    digest = hashlib.sha256()
    for tensor in sorted(proto.graph.initializer, key=lambda t: t.name):
        digest.update(f"{tensor.name}{list(tensor.dims)}".encode())
        digest.update(numpy_helper.to_array(tensor).tobytes())
    return digest.hexdigest()


def flush_denormals(graph: onnx.GraphProto) -> int:
    """Set weights that are denormal in float32 to zero, which no ear can hear; return how many there were.

    Some CPUs multiply such numbers many times slower.
    """
    count, least = 0, np.finfo(np.float32).tiny
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        weights = numpy_helper.to_array(tensor)
        small = (np.abs(weights) < least) & (weights != 0)
        if small.any():
            count += int(small.sum())
            tensor.CopyFrom(numpy_helper.from_array(np.where(small, np.float32(0), weights), tensor.name))
    return count


def replace(field: object, values: Iterable[object]) -> None:
    """Replace the messages of a repeated field."""
    kept = list(values)
    del field[:]  # type: ignore[attr-defined]
    field.extend(kept)  # type: ignore[attr-defined]
