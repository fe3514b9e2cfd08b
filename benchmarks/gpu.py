"""Throughput of the bundled models on a GPU beside what bounds it: the bus that sound comes over, and arithmetic.

python benchmarks/gpu.py [--device cuda:0] [--batches 1 8 64 256] [--rounds 20]

Needs onnxruntime-gpu, and a CUDA build of torch that measures the limits of the same GPU in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from _table import markdown

from musicfeat.errors import DeviceError
from musicfeat.model.engine import INPUT, Device, parse_device
from musicfeat.model.providers import provider_of
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat_export.half import to_half
from musicfeat_export.parity import probe_windows
from musicfeat_export.report.profile import profile

HEADER = [
    "model",
    "windows in a run",
    "from host: x real time",
    "from GPU: x real time",
    "of the bus",
    "of arithmetic",
    "bound by",
]


@dataclass(frozen=True)
class Limits:
    """Peak rates of the GPU when it does nothing else."""

    copied: float
    """Bytes a second from pageable host memory, the kind that callers pass."""
    pinned: float
    """Bytes a second from pinned memory."""
    flops: dict[str, float]
    """Floating-point operations a second of a large matrix product, by precision."""


def limits(device: Device) -> Limits:
    """Limits of a GPU, measured with torch.

    Raises:
        DeviceError: torch has no CUDA.
    """
    import torch

    if not torch.cuda.is_available():
        raise DeviceError("the limits are measured with a CUDA build of torch, and this one sees no GPU")
    place = torch.device("cuda", device.index)
    host, target = torch.zeros(1 << 28, dtype=torch.uint8), torch.empty(1 << 28, dtype=torch.uint8, device=place)
    pinned, size = host.pin_memory(), 8192

    def finished(call: Callable[[], object]) -> Callable[[], object]:
        return lambda: (call(), torch.cuda.synchronize(place))

    flops = {}
    for name, kind in (("fp32", torch.float32), ("fp16", torch.float16)):
        a = torch.randn(size, size, device=place).to(kind)
        flops[name] = 2 * size**3 / seconds(finished(lambda a=a: a @ a), 10)
    copies = [seconds(finished(lambda source=source: target.copy_(source)), 10) for source in (host, pinned)]
    return Limits(len(host) / copies[0], len(host) / copies[1], flops)


def seconds(call: Callable[[], object], rounds: int) -> float:
    """Median duration of several calls after a warm-up call."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def resident(path: Path, device: Device, windows: np.ndarray) -> Callable[[], object]:
    """A call that runs windows already on the GPU, and leaves the results there."""
    from musicfeat.ort import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=[provider_of(device, None)])
    binding = session.io_binding()
    binding.bind_ortvalue_input(INPUT, onnxruntime.OrtValue.ortvalue_from_numpy(windows, "cuda", device.index))
    for output in session.get_outputs():
        binding.bind_output(output.name, "cuda", device.index)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return run


def rows(name: str, device: Device, batches: list[int], rounds: int) -> list[list[str]]:
    """Rows for both precisions of a model, at every batch size."""
    bounds, found = limits(device), []
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder) / "half.onnx"
        onnx.save(to_half(onnx.load(find_model(name))), half)
        for precision, path in (("fp32", find_model(name)), ("fp16", half)):
            session, work = Session(path, str(device)), profile(path)
            for batch in batches:
                windows = np.repeat(probe_windows(session.card, 1, 1.0), batch, axis=0)
                outer = seconds(lambda s=session, w=windows: s.run(w, s.outputs), rounds) / batch
                inner = seconds(resident(path, device, windows), rounds) / batch
                bus = windows[0].nbytes / bounds.copied / outer
                arithmetic = 2 * work.macs / bounds.flops[precision] / outer
                length = session.card.window / session.card.sample_rate
                speeds = [f"{length / taken:.0f}" for taken in (outer, inner)]
                shares = [f"{100 * share:.0f} %" for share in (bus, arithmetic)]
                found.append(
                    [f"{name}, {precision}", str(batch), *speeds, *shares, bound_by(bus, arithmetic, inner / outer)]
                )
    copies = f"{bounds.copied / 1e9:.1f} GB/s from pageable memory, {bounds.pinned / 1e9:.1f} from pinned"
    products = ", ".join(f"{flops / 1e12:.0f} TFLOP/s in {precision}" for precision, flops in bounds.flops.items())
    print(f"{device.check()}: {copies}; {products}\n")
    return found


def bound_by(bus: float, arithmetic: float, inner: float) -> str:
    """The part that takes most of a window's time."""
    if bus > 0.5:
        return "the bus: hand over int16"
    if arithmetic > 0.5:
        return "arithmetic"
    return "launches and memory of many small operators" if inner > 0.5 else "the host: copies and calls"


def main() -> None:
    """Print one Markdown table, or the reason for none."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--device", default="cuda:0")
    options.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64, 256])
    options.add_argument("--rounds", type=int, default=20)
    chosen = options.parse_args()
    try:
        device = parse_device(chosen.device)
        device.check()
        table = [row for name in bundled_models() for row in rows(name, device, chosen.batches, chosen.rounds)]
    except DeviceError as error:
        print(f"not available here: {error}")
        return
    print(markdown(HEADER, table))


if __name__ == "__main__":
    main()
