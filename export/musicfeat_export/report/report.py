"""The report on a model file: gathered, and written as Markdown, JSON and a picture."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from musicfeat.files import replacing
from musicfeat.model.card import ModelCard
from musicfeat.model.session import Session
from musicfeat_export.report.engines import REFERENCE, Parity, ReportInputs, parities
from musicfeat_export.report.profile import Profile, profile
from musicfeat_export.report.timing import Cost, Latency, cost, latencies


@dataclass(frozen=True)
class Report:
    """All measurements of one file."""

    model: str
    version: str
    precision: str
    weights_sha256: str
    machine: str
    seconds: float
    """Length of a window."""
    clips: int
    """Real clips that parity was measured on; 0 if the windows were synthetic."""
    profile: Profile
    parity: list[Parity]
    latency: list[Latency]
    cost: Cost


def measure(model: Path, inputs: ReportInputs, rounds: int = 15) -> Report:
    """Measure a model file in single precision; ``rounds`` repeats each timing."""
    card: ModelCard = Session(model, threads=1).card
    return Report(
        model=card.name,
        version=card.version,
        precision=card.precision,
        weights_sha256=card.weights_sha256,
        machine=f"{platform.machine()}, {platform.system()}, one thread",
        seconds=card.window / card.sample_rate,
        clips=0 if inputs.clips is None else len(inputs.clips),
        profile=profile(model),
        parity=parities(model, inputs),
        latency=latencies(model, rounds),
        cost=cost(model),
    )


def save(report: Report, folder: Path) -> None:
    """Write report.md, report.json and latency.png into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "report.json", json.dumps(asdict(report), indent=1) + "\n")
    _picture(report, folder / "latency.png")
    _write(folder / "report.md", markdown(report) + "\n\n![latency against batch size](latency.png)\n")


def markdown(report: Report) -> str:
    """The report's tables."""
    return "\n\n".join([_facts(report), _parity(report), _latency(report), _operators(report.profile)])


def _facts(report: Report) -> str:
    facts, cost = report.profile, report.cost
    rows = [
        ("file", f"{facts.file_bytes / 1e6:.2f} MB, opset {facts.opset}, {report.precision}"),
        ("parameters and constants", f"{facts.parameters / 1e6:.2f} M"),
        (
            "multiply-accumulates of a window",
            f"{facts.macs / 1e6:.0f} M, {facts.frontend_macs / 1e6:.0f} M of them in spectrograms",
        ),
        ("process launch to first answer", f"{cost.cold_start:.2f} s"),
    ]
    if cost.peak_memory is not None:
        rows.append(
            (
                "peak memory, one window",
                f"{cost.peak_memory:.0f} MB; numpy and onnxruntime alone {cost.bare_memory:.0f} MB",
            )
        )
    return _table([f"{report.model} {report.version}", report.machine], rows)


def _parity(report: Report) -> str:
    sound = f"{report.clips} clips, half of them calibrate int8" if report.clips else "synthetic windows"
    rows = [
        (p.engine, f"not available here: {p.reason}", "", "")
        if p.embedding is None
        else (p.engine, f"{p.embedding:.1e}", f"{p.cosine:.6f}", f"{p.others:.1e}")
        for p in report.parity
    ]
    return _table(
        [f"against {REFERENCE}, {sound}", "embedding, largest difference", "least cosine", "other outputs"], rows
    )


def _latency(report: Report) -> str:
    rows = [(str(x.batch), f"{x.median:.2f}", f"{x.fastest:.2f}", f"{x.real_time:.0f}") for x in report.latency]
    return _table([f"windows of {report.seconds:g} s in a run", "ms, median", "ms, fastest", "x real time"], rows)


def _operators(facts: Profile) -> str:
    return "Operators: " + ", ".join(f"{name} {count}" for name, count in facts.operators.items()) + "."


def _table(header: list[str], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _picture(report: Report, path: Path) -> None:
    """Plot milliseconds per window against the batch size, median and fastest."""
    from musicfeat_trainer.pictures.figures import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    batches = [x.batch for x in report.latency]
    axes.plot(batches, [x.median / x.batch for x in report.latency], marker="o", label="median")
    axes.plot(batches, [x.fastest / x.batch for x in report.latency], marker=".", linestyle=":", label="fastest")
    axes.set_xscale("log", base=2)
    axes.set_xticks(batches, [str(batch) for batch in batches])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("windows in a run")
    axes.set_ylabel("ms for a window")
    axes.set_title(f"{report.model} {report.version}, {report.precision}, {report.machine}", fontsize=9)
    axes.legend(frameon=False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
