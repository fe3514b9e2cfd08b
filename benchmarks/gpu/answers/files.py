"""Files of the bundled models in every precision, and sessions of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from musicfeat.errors import DeviceError
from musicfeat.model.engine import parse_device
from musicfeat.model.ort import onnxruntime
from musicfeat.model.providers import provider_of
from musicfeat.model.session import Session, bundled_models, find_model
from musicfeat_export.half import to_half
from musicfeat_export.parity import SOUNDING, probe_windows


def files(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Name, precision and path of each model file; fp16 is made in the folder."""
    for name in bundled_models():
        yield name, "fp32", find_model(name)
        half = folder / f"{name}-fp16.onnx"
        if not half.exists():
            onnx.save(to_half(onnx.load(find_model(name))), half)
        yield name, "fp16", half


def bare(path: Path, device: str) -> onnxruntime.InferenceSession:
    """ONNX Runtime's own session, for inputs that the runtime's sessions do not take.

    Raises:
        DeviceError: the device's provider is not what runs it.
    """
    Session(find_model(None), device)  # loads CUDA's libraries, or says what is missing
    provider = provider_of(parse_device(device))
    session = onnxruntime.InferenceSession(path, providers=[provider])
    if session.get_providers()[0] != provider[0]:
        raise DeviceError(f"{path} runs on {session.get_providers()[0]}, not on {provider[0]}")
    return session


def windows_of(session: Session, batch: int) -> np.ndarray:
    """[batch, window] of one sound."""
    return np.repeat(probe_windows(session.card, 1, 1.0), batch, axis=0)


def differences(session: Session, reference: Session, batch: int) -> dict[str, float]:
    """Greatest difference of each output from the reference's, over full, short and silent windows."""
    worst = dict.fromkeys(reference.outputs, 0.0)
    for share in SOUNDING:
        windows = probe_windows(reference.card, batch, share)
        found, expected = (one.run(windows, reference.outputs) for one in (session, reference))
        for name in worst:
            worst[name] = max(worst[name], float(np.abs(found[name] - expected[name]).max()))
    return worst
