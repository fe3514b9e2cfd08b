"""Windows a second by batch and precision, beside the limits of bus and arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from _table import markdown
from question import Limits, Question, seconds

from answers.files import bare, files, windows_of
from musicfeat.model.engine import INPUT, Device, parse_device
from musicfeat.model.ort import onnxruntime
from musicfeat.model.session import Session
from musicfeat_export.report.profile import profile

HEADER = [
    "model",
    "windows in a run",
    "from host: x real time",
    "from the device: x real time",
    "of the bus",
    "of arithmetic",
    "bound by",
]


def answer(question: Question) -> str:
    """A table with a row for each model, precision and batch."""
    device, rows = parse_device(question.device), []
    for name, precision, path in files(question.folder):
        session, flops = Session(path, question.device), 2 * profile(path).macs
        length = session.card.window / session.card.sample_rate
        for batch in question.batches:
            windows = windows_of(session, batch)
            outer = seconds(lambda s=session, w=windows: s.run(w, s.outputs), question.rounds) / batch
            inner = seconds(resident(path, device, windows), question.rounds) / batch
            speeds = [f"{length / taken:.0f}" for taken in (outer, inner)]
            shares = shares_of(question.limits, windows[0].nbytes, flops, precision, outer)
            rows.append([f"{name}, {precision}", str(batch), *speeds, *shares, bound_by(shares, inner / outer)])
    return markdown(HEADER, rows)


def resident(path: Path, device: Device, windows: np.ndarray) -> Callable[[], object]:
    """A call that runs windows that are on the device already, and leaves the results there."""
    place = "cpu" if device.kind == "cpu" else "cuda"
    session = bare(path, str(device))
    binding = session.io_binding()
    binding.bind_ortvalue_input(INPUT, onnxruntime.OrtValue.ortvalue_from_numpy(windows, place, device.index))
    for output in session.get_outputs():
        binding.bind_output(output.name, place, device.index)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def shares_of(limits: Limits | None, size: int, flops: int, precision: str, taken: float) -> list[str]:
    """Shares of the bus and of arithmetic in the time of a window, as texts; question marks without limits."""
    if limits is None:
        return ["?", "?"]
    peak = limits.flops.get(precision, limits.flops["fp32"])
    return [f"{100 * share / taken:.0f} %" for share in (size / limits.copied, flops / peak)]


def bound_by(shares: list[str], inner: float) -> str:
    """The part that takes most of a window's time."""
    bus, arithmetic = (0.0 if share == "?" else float(share.split()[0]) for share in shares)
    if bus > 50:
        return "the bus"
    if arithmetic > 50:
        return "arithmetic"
    return "launches and memory of many small operators" if inner > 0.5 else "the host: copies and calls"
