"""Output of ``musicfeat info``: versions, devices asked for and really enabled, the model's card."""

from __future__ import annotations

import platform
from importlib import metadata

from musicfeat import __version__
from musicfeat.errors import DeviceError, MusicfeatError
from musicfeat.model.card import ModelCard
from musicfeat.model.gpu import DriverError, gpus
from musicfeat.model.providers import GPU_INSTALL
from musicfeat.model.session import Session, bundled_models
from musicfeat.model.trt.library import cuda_runtime, tensorrt

LIBRARIES = ("numpy", "onnxruntime", "onnxruntime-gpu", "tensorrt", "cuda-bindings", "soundfile", "soxr", "av")
CLASH = (
    "warning: onnxruntime and onnxruntime-gpu are both installed; they own the same Python module and overwrite each "
    f"other. Keep one, for a GPU: {GPU_INSTALL}"
)
TWICE = (
    "warning: musicfeat and musicfeat-gpu are both installed; they are the same modules. Keep one: "
    "pip uninstall -y musicfeat musicfeat-gpu onnxruntime onnxruntime-gpu && pip install musicfeat-gpu"
)


def info_lines(model: str | None, device: str, threads: int | None) -> tuple[list[str], MusicfeatError | None]:
    """The lines to print, and the error of the device or the model, if any."""
    versions = installed(LIBRARIES)
    lines = [f"musicfeat {__version__}, Python {platform.python_version()}, {platform.platform()}"]
    lines += [f"  {name} {version or 'not installed'}" for name, version in versions.items()]
    if versions["onnxruntime"] and versions["onnxruntime-gpu"]:
        lines.append(CLASH)
    if all(installed(("musicfeat", "musicfeat-gpu")).values()):
        lines.append(TWICE)
    lines += [f"GPUs: {gpu_names()}", f"TensorRT: {tensorrt_state()}"]
    lines.append(f"bundled models: {', '.join(bundled_models()) or 'none'}")
    try:
        session = Session(model, device, threads)
    except MusicfeatError as error:
        return lines, error
    lines.append(f"device asked {device}, enabled {', '.join(session.providers)}, threads {session.threads}")
    return [*lines, f"model file {session.path}", *card_lines(session.card)], None


def gpu_names() -> str:
    """The GPUs by index and name, or the reason why there are none."""
    try:
        return ", ".join(f"{index} {name}" for index, name in enumerate(gpus())) or "none"
    except DriverError as error:
        return f"none ({error})"


def tensorrt_state() -> str:
    """Version of TensorRT if it can be used, else the reason why not."""
    try:
        cuda_runtime()
        return f"{tensorrt().__version__}, ready where there is a GPU"
    except DeviceError as error:
        return f"not usable ({error})"


def installed(names: tuple[str, ...]) -> dict[str, str | None]:
    """The installed version of each distribution, or None."""
    versions: dict[str, str | None] = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def card_lines(card: ModelCard) -> list[str]:
    """A model card in a few readable lines."""
    return [
        f"  {card.name} {card.version}: {', '.join(card.outputs)}",
        f"  window {card.window / card.sample_rate:g} s at {card.sample_rate} Hz",
        f"  licence: {card.licence}",
        f"  trained on: {card.training_data}",
        *(f"  {name}: {value:g}" for name, value in card.scores.items()),
        f"  weights sha256 {card.weights_sha256}",
    ]
