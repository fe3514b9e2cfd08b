"""Half the bytes over the bus: a model that takes 16-bit samples beside the same that takes float32."""

from __future__ import annotations

import numpy as np
import onnx
from _table import markdown
from onnx import TensorProto, helper
from question import Question, seconds

from answers.files import bare, windows_of
from musicfeat.model.engine import INPUT
from musicfeat.model.session import Session, bundled_models, find_model

SCALE = 1 / 32768


def answer(question: Question) -> str:
    """A table with a row for each model and batch: both speeds, and their ratio."""
    rows = [row for name in bundled_models() for row in compared(name, question)]
    header = ["model", "windows in a run", "float32: x real time", "int16: x real time", "gain", "largest difference"]
    return markdown(header, rows)


def compared(name: str, question: Question) -> list[list[str]]:
    """Rows of one model; windows come from the host's memory."""
    path, rows = question.folder / f"{name}-int16.onnx", []
    onnx.save(with_int16(onnx.load(find_model(name))), path)
    usual, both = Session(find_model(name)), [bare(file, question.device) for file in (find_model(name), path)]
    card = usual.card
    outputs, length = list(card.outputs), card.window / card.sample_rate
    for batch in question.batches:
        windows = windows_of(usual, batch)
        whole = np.round(windows / np.abs(windows).max() * 32767).astype(np.int16)
        inputs = [whole.astype(np.float32) * np.float32(SCALE), whole]
        calls = [lambda s=s, x=x: s.run(outputs, {INPUT: x}) for s, x in zip(both, inputs, strict=True)]
        single, halved = (seconds(call, question.rounds) / batch for call in calls)
        pairs = zip(*(call() for call in calls), strict=True)
        worst = max(float(np.abs(a - b).max()) for a, b in pairs)
        speeds = [f"{length / taken:.0f}" for taken in (single, halved)]
        rows.append([name, str(batch), *speeds, f"{single / halved:.2f}", f"{worst:.1e}"])
    return rows


def with_int16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model that takes samples as whole numbers from -32768 to 32767."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    graph, (entry,) = result.graph, proto.graph.input
    for node in graph.node:
        node.input[:] = ["waveform/scaled" if name == INPUT else name for name in node.input]
    graph.input[0].type.tensor_type.elem_type = TensorProto.INT16
    cast = helper.make_node("Cast", [entry.name], ["waveform/float"], "waveform/cast", to=TensorProto.FLOAT)
    scale = helper.make_node("Mul", ["waveform/float", "waveform/scale"], ["waveform/scaled"], "waveform/mul")
    graph.node.insert(0, scale)
    graph.node.insert(0, cast)
    graph.initializer.append(helper.make_tensor("waveform/scale", TensorProto.FLOAT, [], [SCALE]))
    onnx.checker.check_model(result)
    return result
