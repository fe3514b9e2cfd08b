"""Do all shapes follow from the batch alone?"""

from __future__ import annotations

import onnx

from musicfeat.errors import ModelError


def unsettled(proto: onnx.ModelProto, batch: int) -> list[str]:
    """Names of the values whose shape shape inference cannot tell at a given batch.

    Args:
        proto: a model with one input, [batch, samples].
        batch: how many windows.

    Raises:
        ModelError: the batch leads to shapes that contradict each other.
    """
    fixed = onnx.ModelProto()
    fixed.CopyFrom(proto)
    fixed.graph.ClearField("value_info")
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    for output in fixed.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        graph = onnx.shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True).graph
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"the graph does not take a batch of {batch}: {' '.join(str(error).split())}") from error
    shapes = {value.name: value.type.tensor_type.shape for value in (*graph.value_info, *graph.output)}
    produced = [name for node in graph.node for name in node.output if name]
    return [
        name for name in produced if not (name in shapes and all(d.HasField("dim_value") for d in shapes[name].dim))
    ]
