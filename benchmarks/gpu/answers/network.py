"""The bundled model's network in torch with fresh weights: what a GPU makes of it without ONNX Runtime."""

from __future__ import annotations

import torch
from _table import markdown
from question import Question, seconds

from answers.throughput import shares_of
from musicfeat.errors import DeviceError
from musicfeat.model.session import find_model
from musicfeat_export.report.profile import profile
from musicfeat_trainer.bundled.model import Outputs, fresh_model
from musicfeat_trainer.recipe.bundled import Recipe
from musicfeat_trainer.recipe.files import open_recipe

RECIPE = "music_small"
PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CPU_PRECISIONS = ("fp32", "bf16")
"""Most CPUs emulate float16, in minutes."""


def recipe() -> Recipe:
    """The recipe of the bundled model."""
    found = open_recipe(RECIPE)
    assert isinstance(found, Recipe)
    return found


def seen(device: str) -> torch.device:
    """The device in torch.

    Raises:
        DeviceError: torch sees no such GPU.
    """
    place = torch.device(device)
    if place.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError(f"torch {torch.__version__} sees no GPU")
    return place


@torch.inference_mode()
def answer(question: Question) -> str:
    """A table with a row for each precision and batch, and the differences from the CPU."""
    place, plan = seen(question.device), recipe()
    torch.manual_seed(0)
    model, windows = fresh_model(plan), torch.randn(max(question.batches), plan.window)
    expected = model(windows[:2])
    model, windows, rows = model.to(place), windows.to(place), []
    flops, length = 2 * profile(find_model(None)).macs, plan.window / plan.trunk.frontend.sample_rate
    for precision in PRECISIONS if place.type == "cuda" else CPU_PRECISIONS:
        with computing(place, precision):
            off = greatest_difference(model(windows[:2]), expected)
            for batch in question.batches:
                taken = seconds(lambda b=batch: finished(model, windows[:b]), question.rounds) / batch
                arithmetic = shares_of(question.limits, 0, flops, precision, taken)[1]
                rows.append([precision, str(batch), f"{length / taken:.0f}", arithmetic, f"{off:.1e}"])
    header = [
        "precision",
        "windows in a run",
        "from the device: x real time",
        "of arithmetic",
        "difference from the CPU",
    ]
    return markdown(header, rows)


def computing(place: torch.device, precision: str) -> torch.autocast:
    """Context with convolutions and products in a precision."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    kind = PRECISIONS[precision]
    return torch.autocast(place.type, torch.bfloat16 if kind == torch.float32 else kind, enabled=kind != torch.float32)


def greatest_difference(found: Outputs, expected: Outputs) -> float:
    """Greatest difference in any output."""
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if a is not None and b is not None]
    return max(float((a.float().cpu() - b).abs().max()) for a, b in pairs)


def finished(model: torch.nn.Module, windows: torch.Tensor) -> None:
    """Run the model and wait for the device."""
    model(windows)
    if windows.is_cuda:
        torch.cuda.synchronize(windows.device)
