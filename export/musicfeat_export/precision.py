"""Conversion of a model file to another precision, with its loss and gain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import onnx
from onnxscript import optimizer

from musicfeat import Extractor
from musicfeat.errors import InputError, ModelError
from musicfeat.model.session import Session
from musicfeat_export.clips import Tagged, Windows
from musicfeat_export.comparison import Difference, Score, differences, milliseconds, scores
from musicfeat_export.graph import with_batch
from musicfeat_export.half import to_half
from musicfeat_export.model_file import write
from musicfeat_export.parity import probe_windows
from musicfeat_export.quantised import to_int8
from musicfeat_export.stored import to_stored

LEAST_COSINE = {"fp32": 1 - 1e-6, "stored16": 1 - 1e-5, "fp16": 0.9999, "int8": 0.99}
"""Least cosine between converted and source embeddings; a file below it is refused."""
MOST_LOST = 0.005
"""Largest share of lost answers without the advice to ship fp32."""


@dataclass(frozen=True)
class Comparison:
    """The converted file compared with its source."""

    precision: str
    differences: list[Difference]
    clips: int
    before: list[Score]
    after: list[Score]
    milliseconds: tuple[float, float]
    """Milliseconds per window on one thread of this machine's CPU; source and result took turns."""

    @property
    def speedup(self) -> float:
        """Speed of the result as a multiple of the source's."""
        return self.milliseconds[0] / self.milliseconds[1]

    @property
    def advice(self) -> str:
        """The file to ship to CPUs, and the reason."""
        lost = [before.value - after.value for before, after in zip(self.before, self.after, strict=True)]
        if max(lost, default=0.0) > MOST_LOST:
            worst = self.before[lost.index(max(lost))]
            points, task = f"{100 * max(lost):.1f} points", f"'{worst.task}' ({worst.answers} answers)"
            return f"{self.precision} loses {points} of {task}: ship fp32."
        if self.precision == "fp16":
            return (
                f"fp16 is for GPUs: this CPU takes {1 / self.speedup:.2f} times as long, because it computes in fp32."
            )
        if self.precision == "stored16":
            return "stored16 is fewer bytes; it computes in fp32, and takes the time of its source."
        if self.precision == "int8" and self.speedup <= 1:
            reason = "its instructions for 8-bit products are missing, or converting costs more than they save"
            return f"int8 is not faster on this CPU ({self.speedup:.2f} x): {reason}. Ship fp32."
        return f"{self.precision} runs {self.speedup:.2f} times as fast as its source on one thread of this CPU."


def convert(
    source: Path,
    path: Path,
    precision: str,
    *,
    calibration: Windows | None = None,
    clips: Windows | None = None,
    tagged: Tagged | None = None,
    batch: int | None = None,
    signed: bool = False,
) -> Comparison:
    """Write ``source``, a model file in single precision, in another precision or for a fixed batch.

    Args:
        source: the model file.
        path: the file to write, with its sidecar ``path``.json. Nothing is written unless every check passes.
        precision: one of ``LEAST_COSINE``.
        calibration: [clips, window] of real sound, which int8 requires.
        clips: other sound, for the comparison; None for synthetic windows.
        tagged: windows with known instruments, for the comparison of tags.
        batch: windows in every run, for engines without dynamic shapes; None leaves the batch open.
        signed: see ``to_int8``.

    Raises:
        InputError: int8 was chosen without sound for calibration.
        ModelError: the source is not in single precision, or the result differs too much from it.
    """
    reference = Session(source, threads=1)
    card = replace(reference.card, precision=precision, scores={})  # the source's scores do not hold for another file
    if reference.card.precision != "fp32":
        raise ModelError(f"{source} is in {reference.card.precision} already: convert the file in fp32")
    proto = _converted(onnx.load(source), precision, calibration, signed=signed)
    proto = optimizer.optimize(with_batch(proto, batch)) if batch else proto
    if precision == "stored16":  # after the optimizer, which would fold the casts away
        proto = to_stored(proto)
    return write(proto, card, path, lambda written: _proven(source, written, precision, clips, tagged))


def _converted(proto: onnx.ModelProto, precision: str, clips: Windows | None, *, signed: bool) -> onnx.ModelProto:
    if precision == "int8":
        if clips is None:
            raise InputError("int8 is calibrated on real sound: name a folder of music, --clips FOLDER")
        return to_int8(proto, clips, signed=signed)
    return to_half(proto) if precision == "fp16" else proto


def _proven(source: Path, path: Path, precision: str, clips: Windows | None, tagged: Tagged | None) -> Comparison:
    """Compare with the source; refuse a result that differs too much."""
    comparison = compare(source, path, precision, clips, tagged)
    cosine = next(d.cosine for d in comparison.differences if d.output == "embedding")
    if cosine < LEAST_COSINE[precision]:
        raise ModelError(
            f"{precision} turns embeddings away from their source, to a cosine of {cosine:.5f}; at least "
            f"{LEAST_COSINE[precision]} is demanded: keep this model in fp32"
        )
    return comparison


def compare(
    source: Path, path: Path, precision: str, clips: Windows | None = None, tagged: Tagged | None = None
) -> Comparison:
    """Differences, scores and speed of a file and its source, on real clips if given, else on synthetic ones."""
    reference, other = Session(source, threads=1), Session(path, threads=1)
    windows = probe_windows(reference.card, 4, 1.0)[:-1] if clips is None else clips
    before, after = (
        ([], []) if clips is None else (scores(Extractor(p, threads=1), clips, tagged) for p in (source, path))
    )
    slow, fast = milliseconds([reference, other], windows[:1])
    return Comparison(precision, differences(reference, other, windows), len(windows), before, after, (slow, fast))
