"""TensorRT: an engine built, timed and held to the CPU; ONNX Runtime is not asked."""

from __future__ import annotations

import time

from _table import markdown
from question import Question, seconds

from answers.files import differences, files, windows_of
from musicfeat.errors import DeviceError
from musicfeat.model.session import Session, find_model


def answer(question: Question) -> str:
    """A table with a row for each model, precision and batch."""
    if not question.on_gpu:
        raise DeviceError("TensorRT runs on NVIDIA's GPUs alone")
    rows = []
    for name, precision, path in files(question.folder):
        begun = time.monotonic()
        session = Session(path, question.device.replace("cuda", "tensorrt"))
        built = time.monotonic() - begun
        worst = max(differences(session, Session(find_model(name)), 2).values())
        length = session.card.window / session.card.sample_rate
        for batch in question.batches:
            windows = windows_of(session, batch)
            taken = seconds(lambda s=session, w=windows: s.run(w, s.outputs), question.rounds) / batch
            rows.append([f"{name}, {precision}", f"{built:.0f} s", str(batch), f"{length / taken:.0f}", f"{worst:.1e}"])
    header = ["model", "opened in", "windows in a run", "from host: x real time", "largest difference from the CPU"]
    return markdown(header, rows)
